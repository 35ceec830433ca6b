/**
 * A run's events as this tab has them: the newest from the stream, older ones by pages, none missing between.
 *
 * Lives here: `Tape`, and the pure steps on `TapeView`. Not here: what an event says (`payload`), how it looks (`rows`).
 * Without a filter the events that are held are one unbroken stretch of sequence numbers; with one they are what the
 * server found, and the stream only says that it is worth asking again.
 */
import { EVENTS_PAGE, NO_FILTER, type EventFilter } from "../../api/runs";
import type { Run, RunEvent, RunEventPage } from "../../api/types";
import type { TopicMessage } from "../../stream/protocol";
import { Signal, type Readable } from "../../stream/signal";
import type { TopicListener } from "../../stream/store";

export type TapeView = {
  readonly filter: EventFilter;
  /** Oldest first. */
  readonly events: readonly RunEvent[];
  /** `before` of the page of older ones; null: there are none. */
  readonly older: number | null;
  readonly phase: "loading" | "live" | "failed";
  readonly loadingOlder: boolean;
  /** Why a page did not come; it is asked for again by `retry`. */
  readonly error: unknown;
};

export type TapePorts = {
  readonly read: (filter: EventFilter, place: { after?: number; before?: number }) => Promise<RunEventPage>;
  readonly listen: (listener: TopicListener) => () => void;
};

const FLUSH_MS = 100;
const ASK_AGAIN_MS = 500;
/** Further behind than so many events what is held is given up for the newest: a gap is never shown as none. */
const CATCH_UP_MAX = 5_000;

export const isFiltered = (filter: EventFilter): boolean => filter.kinds.length > 0 || filter.search.trim() !== "";

const fresh = (filter: EventFilter): TapeView => ({ filter, events: [], older: null, phase: "loading", loadingOlder: false, error: null });

/** What follows the last one held; `gap` when one is missing between. What is held already is left out. */
export function following(held: readonly RunEvent[], told: readonly RunEvent[]): { readonly events: readonly RunEvent[]; readonly gap: boolean } {
  let last = held.at(-1)?.seq ?? null;
  const added: RunEvent[] = [];
  for (const event of told) {
    if (last !== null && event.seq <= last) continue;
    if (last !== null && event.seq !== last + 1) return { events: added.length === 0 ? held : [...held, ...added], gap: true };
    added.push(event);
    last = event.seq;
  }
  return { events: added.length === 0 ? held : [...held, ...added], gap: false };
}

/** Events that were found, put together with those held, each once. */
export function joined(held: readonly RunEvent[], found: readonly RunEvent[]): readonly RunEvent[] {
  const bySeq = new Map([...held, ...found].map((event) => [event.seq, event]));
  return [...bySeq.values()].sort((a, b) => a.seq - b.seq);
}

export class Tape {
  readonly #view: Signal<TapeView>;
  readonly #ports: TapePorts;
  #release: (() => void) | null = null;
  /** The newest number that the stream told of, whatever the filter. */
  #known = 0;
  /** With a filter: up to which number everything that it finds is held. */
  #covered = 0;
  #pending: RunEvent[] = [];
  #flush: ReturnType<typeof setTimeout> | null = null;
  #asking: ReturnType<typeof setTimeout> | null = null;
  /** Answers to questions of before are dropped. */
  #turn = 0;
  #catching = false;

  constructor(ports: TapePorts, filter: EventFilter = NO_FILTER) {
    this.#ports = ports;
    this.#view = new Signal(fresh(filter));
  }

  get view(): Readable<TapeView> {
    return this.#view;
  }

  /** Until the returned function is called. */
  open(): () => void {
    this.#release = this.#ports.listen({
      onMessage: (message) => this.#told(message),
      onFailed: () => this.#set({ phase: "failed" }),
      resumeFrom: () => (this.#known > 0 && this.#view.get().phase === "live" ? this.#known : null),
    });
    if (isFiltered(this.#view.get().filter)) void this.#begin();
    return () => {
      this.#turn += 1;
      this.#release?.();
      this.#release = null;
      for (const timer of [this.#flush, this.#asking]) if (timer !== null) clearTimeout(timer);
      this.#flush = this.#asking = null;
    };
  }

  setFilter(filter: EventFilter): void {
    this.#turn += 1;
    this.#pending = [];
    this.#covered = 0;
    this.#view.set(fresh(filter));
    void this.#begin();
  }

  /** One page of older events. */
  async loadOlder(): Promise<void> {
    const { older, loadingOlder, filter } = this.#view.get();
    if (older === null || loadingOlder) return;
    const turn = this.#turn;
    this.#set({ loadingOlder: true, error: null });
    try {
      const page = await this.#ports.read(filter, { before: older });
      if (turn !== this.#turn) return;
      const { events } = this.#view.get();
      this.#set({ events: joined(events, page.events), older: page.next, loadingOlder: false });
    } catch (error) {
      if (turn === this.#turn) this.#set({ loadingOlder: false, error });
    }
  }

  retry(): void {
    const { phase, events } = this.#view.get();
    if (phase === "failed" || events.length === 0) void this.#begin();
    else void this.loadOlder();
  }

  /** The newest page, from which everything else follows. */
  async #begin(): Promise<void> {
    const turn = (this.#turn += 1);
    const { filter } = this.#view.get();
    const known = this.#known;
    this.#set({ phase: "loading", error: null });
    try {
      const page = await this.#ports.read(filter, {});
      if (turn !== this.#turn) return;
      const events = [...page.events].reverse();
      this.#known = Math.max(this.#known, events.at(-1)?.seq ?? 0);
      this.#covered = Math.max(known, events.at(-1)?.seq ?? 0);
      this.#set({ events, older: page.next, phase: "live" });
      if (isFiltered(filter)) this.#askSoon();
      else this.#flushSoon();
    } catch (error) {
      if (turn === this.#turn) this.#set({ phase: "failed", error });
    }
  }

  #told(message: TopicMessage): void {
    if (message.type === "snapshot") {
      const told = message.data as unknown as { readonly run: Run; readonly events: readonly RunEvent[] };
      this.#known = message.seq;
      const { filter, events, phase } = this.#view.get();
      if (isFiltered(filter)) return this.#askSoon();
      if (phase === "live" && events.length > 0) {
        this.#pending.push(...told.events);
        return this.#flushSoon();
      }
      this.#turn += 1;
      const first = told.events[0]?.seq ?? 1;
      this.#set({ events: told.events, older: first > 1 ? first : null, phase: "live", error: null });
      return;
    }
    const event = message.data as unknown as RunEvent;
    this.#known = Math.max(this.#known, event.seq);
    if (isFiltered(this.#view.get().filter)) return this.#askSoon();
    this.#pending.push(event);
    this.#flushSoon();
  }

  #flushSoon(waitMs = FLUSH_MS): void {
    this.#flush ??= setTimeout(() => {
      this.#flush = null;
      const { events, phase } = this.#view.get();
      if (phase !== "live" || this.#catching) return;
      const told = this.#pending;
      this.#pending = [];
      const next = following(events, told);
      if (next.events !== events) this.#set({ events: next.events });
      const last = next.events.at(-1)?.seq ?? 0;
      if (next.gap || last < this.#known) void this.#catchUp(last);
    }, waitMs);
  }

  /** Reads what is missing after the last one held. */
  async #catchUp(last: number): Promise<void> {
    if (this.#known - last > CATCH_UP_MAX) return void this.#begin();
    const turn = this.#turn;
    this.#catching = true;
    let waitMs = FLUSH_MS;
    try {
      const page = await this.#ports.read(NO_FILTER, { after: last });
      if (turn !== this.#turn) return;
      this.#set({ events: following(this.#view.get().events, page.events).events, error: null });
      this.#known = Math.max(page.events.length === 0 ? last : this.#known, page.events.at(-1)?.seq ?? 0);
    } catch (error) {
      waitMs = ASK_AGAIN_MS;
      if (turn === this.#turn) this.#set({ error });
    } finally {
      this.#catching = false;
      const isBehind = (this.#view.get().events.at(-1)?.seq ?? 0) < this.#known;
      if (turn === this.#turn && (isBehind || this.#pending.length > 0)) this.#flushSoon(waitMs);
    }
  }

  /** With a filter: what was written since is looked through for more. */
  #askSoon(): void {
    this.#asking ??= setTimeout(() => {
      this.#asking = null;
      void this.#ask();
    }, ASK_AGAIN_MS);
  }

  async #ask(): Promise<void> {
    const { filter, phase } = this.#view.get();
    if (phase !== "live" || this.#covered >= this.#known) return;
    const turn = this.#turn;
    const known = this.#known;
    try {
      const page = await this.#ports.read(filter, { after: this.#covered });
      if (turn !== this.#turn) return;
      this.#covered = page.next ?? known;
      if (page.events.length > 0) this.#set({ events: joined(this.#view.get().events, page.events), error: null });
      if (this.#covered < this.#known || page.events.length === EVENTS_PAGE) this.#askSoon();
    } catch (error) {
      if (turn === this.#turn) this.#set({ error });
    }
  }

  #set(change: Partial<TapeView>): void {
    this.#view.set({ ...this.#view.get(), ...change });
  }
}
