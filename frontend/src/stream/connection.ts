/**
 * The one WebSocket of this tab: opened, watched, opened again.
 *
 * Lives here: the state of the link, silence, backoff, and which topics are subscribed.
 * Not here: what the messages mean (`store`).
 * The server sends a heartbeat every 5 s; 10 s without any frame is silence, and the link is made anew.
 */
import { readMessage, type Message } from "./protocol";
import { Signal } from "./signal";

export type Link =
  | { readonly state: "connecting"; readonly sinceMs: number }
  | { readonly state: "live"; readonly sinceMs: number }
  | {
      readonly state: "reconnecting" | "disconnected";
      readonly sinceMs: number;
      readonly attempt: number;
      readonly nextAtMs: number;
      readonly reason: "closed" | "silent" | "slow_reader";
    }
  | { readonly state: "signed_out"; readonly sinceMs: number };

export interface Socket {
  send(text: string): void;
  close(): void;
  onopen: ((event: Event) => void) | null;
  onmessage: ((event: MessageEvent) => void) | null;
  onclose: ((event: CloseEvent) => void) | null;
}

export type ConnectionPorts = {
  readonly open: () => Socket;
  readonly now: () => number;
  /** In [0, 1): spreads the attempts of many tabs. */
  readonly random: () => number;
};

export type ConnectionEvents = {
  readonly onMessage: (message: Message) => void;
  /** Topics to subscribe now, each with the last number seen when its missed events are wanted. */
  readonly resumeFrom: (topic: string) => number | null;
};

export const SILENCE_MS = 10_000;
export const DISCONNECTED_MS = 60_000;
const BACKOFF_MS_MIN = 500;
const BACKOFF_MS_MAX = 15_000;
const SESSION_ENDED = 4401;
const SLOW_READER = 4008;

/** Half to all of 0.5 s · 2^attempt, at most 15 s. */
export function backoffMs(attempt: number, random: number): number {
  const full = Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** Math.min(attempt, 10));
  return Math.round(full / 2 + (full / 2) * random);
}

export class Connection {
  readonly link: Signal<Link>;
  readonly lastFrameAtMs: Signal<number | null> = new Signal<number | null>(null);
  readonly #ports: ConnectionPorts;
  readonly #events: ConnectionEvents;
  readonly #topics = new Set<string>();
  #socket: Socket | null = null;
  #attempt = 0;
  #triedAtMs = 0;
  #retry: ReturnType<typeof setTimeout> | null = null;
  #watch: ReturnType<typeof setInterval> | null = null;

  constructor(ports: ConnectionPorts, events: ConnectionEvents) {
    this.#ports = ports;
    this.#events = events;
    this.link = new Signal<Link>({ state: "connecting", sinceMs: ports.now() });
  }

  start(): void {
    if (this.#socket !== null || this.#retry !== null) return;
    this.link.set({ state: "connecting", sinceMs: this.#ports.now() });
    this.#attempt = 0;
    this.#watch ??= setInterval(() => this.#checkSilence(), 1000);
    this.#connect();
  }

  stop(): void {
    this.#leave();
    // What ended with one session must not be read as the state of the next.
    this.link.set({ state: "connecting", sinceMs: this.#ports.now() });
  }

  /** As `stop`, where the session has ended while its page stays: what it shows is old until `start`. */
  signOut(): void {
    this.#leave();
    if (this.link.get().state !== "signed_out") this.link.set({ state: "signed_out", sinceMs: this.#ports.now() });
  }

  /** At once instead of after the rest of the backoff. */
  retryNow(): void {
    if (this.#socket !== null) return;
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#retry = null;
    this.#connect();
  }

  subscribe(topic: string): void {
    if (this.#topics.has(topic)) return;
    this.#topics.add(topic);
    if (this.link.get().state === "live") this.#sendSubscribe([topic]);
  }

  unsubscribe(topic: string): void {
    if (!this.#topics.delete(topic)) return;
    if (this.link.get().state === "live") this.#send({ op: "unsubscribe", topics: [topic] });
  }

  /** Asks for a fresh snapshot: a number was missing. */
  resubscribe(topic: string): void {
    if (!this.#topics.has(topic) || this.link.get().state !== "live") return;
    this.#send({ op: "unsubscribe", topics: [topic] });
    this.#send({ op: "subscribe", topics: [topic], resume: {} });
  }

  #leave(): void {
    this.#cancelTimers();
    const socket = this.#socket;
    this.#socket = null;
    if (socket === null) return;
    detach(socket);
    socket.close();
  }

  #connect(): void {
    const socket = this.#ports.open();
    this.#socket = socket;
    this.#triedAtMs = this.#ports.now();
    socket.onopen = () => {
      this.#attempt = 0;
      this.lastFrameAtMs.set(this.#ports.now());
      this.link.set({ state: "live", sinceMs: this.#ports.now() });
      this.#sendSubscribe([...this.#topics]);
    };
    socket.onmessage = (event) => {
      this.lastFrameAtMs.set(this.#ports.now());
      const message = readMessage(event.data);
      if (message !== null) this.#events.onMessage(message);
    };
    socket.onclose = (event) => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      detach(socket);
      if (event.code === SESSION_ENDED) {
        this.#cancelTimers();
        this.link.set({ state: "signed_out", sinceMs: this.#ports.now() });
        return;
      }
      this.#later(event.code === SLOW_READER ? "slow_reader" : "closed");
    };
  }

  #later(reason: "closed" | "silent" | "slow_reader"): void {
    const now = this.#ports.now();
    const wait = backoffMs(this.#attempt, this.#ports.random());
    this.#attempt += 1;
    const before = this.link.get();
    const sinceMs = before.state === "reconnecting" || before.state === "disconnected" ? before.sinceMs : now;
    const state = now - sinceMs >= DISCONNECTED_MS ? "disconnected" : "reconnecting";
    this.link.set({ state, sinceMs, attempt: this.#attempt, nextAtMs: now + wait, reason });
    this.#retry = setTimeout(() => {
      this.#retry = null;
      this.#connect();
    }, wait);
  }

  #checkSilence(): void {
    const now = this.#ports.now();
    const link = this.link.get();
    if (link.state === "reconnecting" && now - link.sinceMs >= DISCONNECTED_MS) {
      this.link.set({ ...link, state: "disconnected" });
    }
    const socket = this.#socket;
    // A new attempt has its own ten seconds; how old the last word is stays what the page tells.
    const last = Math.max(this.lastFrameAtMs.get() ?? 0, this.#triedAtMs);
    if (socket === null || now - last < SILENCE_MS) return;
    // A socket that says nothing may stay half-open for minutes: leave it and make another.
    this.#socket = null;
    detach(socket);
    socket.close();
    this.#later("silent");
  }

  #sendSubscribe(topics: readonly string[]): void {
    if (topics.length === 0) return;
    const resume: Record<string, number> = {};
    for (const topic of topics) {
      const seq = this.#events.resumeFrom(topic);
      if (seq !== null) resume[topic] = seq;
    }
    this.#send({ op: "subscribe", topics, resume });
  }

  #send(message: unknown): void {
    this.#socket?.send(JSON.stringify(message));
  }

  #cancelTimers(): void {
    if (this.#retry !== null) clearTimeout(this.#retry);
    if (this.#watch !== null) clearInterval(this.#watch);
    this.#retry = null;
    this.#watch = null;
  }
}

function detach(socket: Socket): void {
  socket.onopen = null;
  socket.onmessage = null;
  socket.onclose = null;
}
