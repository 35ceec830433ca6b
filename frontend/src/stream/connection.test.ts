import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { backoffMs, Connection, DISCONNECTED_MS, SILENCE_MS, type Socket } from "./connection";

class FakeSocket implements Socket {
  readonly sent: { op: string; topics: string[]; resume?: Record<string, number> }[] = [];
  closed = false;
  onopen: ((event: Event) => void) | null = null;
  onmessage: ((event: MessageEvent) => void) | null = null;
  onclose: ((event: CloseEvent) => void) | null = null;

  send(text: string): void {
    this.sent.push(JSON.parse(text) as (typeof this.sent)[number]);
  }
  close(): void {
    this.closed = true;
  }
  open(): void {
    this.onopen?.({} as Event);
  }
  drop(code = 1006): void {
    this.onclose?.({ code } as CloseEvent);
  }
  says(message: unknown): void {
    this.onmessage?.({ data: JSON.stringify(message) } as MessageEvent);
  }
}

const sockets: FakeSocket[] = [];
let seen: number | null = null;
let connection: Connection;
const last = (): FakeSocket => {
  const socket = sockets.at(-1);
  if (socket === undefined) throw new Error("no socket was opened");
  return socket;
};
const heartbeat = { type: "heartbeat", server_time_ms: 0, exchanges: {} };

beforeEach(() => {
  vi.useFakeTimers();
  sockets.length = 0;
  seen = null;
  connection = new Connection(
    {
      open: () => {
        const socket = new FakeSocket();
        sockets.push(socket);
        return socket;
      },
      now: () => Date.now(),
      random: () => 1,
    },
    { onMessage: () => undefined, resumeFrom: () => seen },
  );
});
afterEach(() => {
  connection.stop();
  vi.useRealTimers();
});

it("waits longer after each failure, with jitter, and never more than 15 s", () => {
  expect([0, 1, 2, 3, 4, 5, 50].map((attempt) => backoffMs(attempt, 1))).toEqual([500, 1000, 2000, 4000, 8000, 15000, 15000]);
  expect(backoffMs(3, 0)).toBe(2000);
});

describe("the link", () => {
  it("subscribes what is held when it opens, and again with the last number seen after a break", () => {
    connection.subscribe("account:a");
    connection.start();
    last().open();
    expect(last().sent).toEqual([{ op: "subscribe", topics: ["account:a"], resume: {} }]);
    seen = 41;
    last().drop();
    expect(connection.link.get()).toMatchObject({ state: "reconnecting", attempt: 1, reason: "closed" });
    vi.advanceTimersByTime(500);
    last().open();
    expect(sockets).toHaveLength(2);
    expect(last().sent).toEqual([{ op: "subscribe", topics: ["account:a"], resume: { "account:a": 41 } }]);
    expect(connection.link.get().state).toBe("live");
  });

  it("is made anew after 10 s of silence, and not while heartbeats come", () => {
    connection.start();
    last().open();
    for (let beats = 0; beats < 4; beats += 1) {
      vi.advanceTimersByTime(5000);
      last().says(heartbeat);
    }
    expect(connection.link.get().state).toBe("live");
    const silent = last();
    vi.advanceTimersByTime(SILENCE_MS + 1000);
    expect(silent.closed).toBe(true);
    expect(connection.link.get()).toMatchObject({ reason: "silent" });
  });

  it("does not take an attempt for news: the last word's age goes on", () => {
    connection.start();
    last().open();
    last().says(heartbeat);
    const heardAtMs = Date.now();
    vi.advanceTimersByTime(25_000); // silent, left, tried again
    expect(sockets.length).toBeGreaterThan(1);
    expect(connection.lastFrameAtMs.get()).toBe(heardAtMs);
  });

  it("counts as disconnected after a minute without success, and goes on trying", () => {
    connection.start();
    last().open();
    last().drop();
    for (let waited = 0; waited < DISCONNECTED_MS + 20_000; waited += 500) {
      vi.advanceTimersByTime(500);
      if (last().onclose !== null) last().drop();
    }
    const state = connection.link.get();
    expect(state.state).toBe("disconnected");
    const before = sockets.length;
    vi.advanceTimersByTime(16_000);
    expect(sockets.length).toBeGreaterThan(before);
  });

  it("does not try again after the session has ended", () => {
    connection.start();
    last().open();
    last().drop(4401);
    vi.advanceTimersByTime(120_000);
    expect(connection.link.get().state).toBe("signed_out");
    expect(sockets).toHaveLength(1);
  });

  it("is signed out when the page learns it elsewhere, and goes on with its topics after the next log-in", () => {
    connection.start();
    last().open();
    connection.subscribe("account:a");
    connection.signOut();
    const since = connection.link.get().sinceMs;
    vi.advanceTimersByTime(120_000);
    connection.signOut();
    expect(connection.link.get()).toEqual({ state: "signed_out", sinceMs: since });
    expect(sockets).toHaveLength(1);
    connection.start();
    last().open();
    expect(connection.link.get().state).toBe("live");
    expect(last().sent.at(-1)).toMatchObject({ op: "subscribe", topics: ["account:a"] });
  });

  it("starts afresh for the next session after one has ended", () => {
    connection.start();
    last().open();
    last().drop(4401);
    connection.stop();
    expect(connection.link.get().state).toBe("connecting");
    connection.start();
    last().open();
    expect(connection.link.get().state).toBe("live");
  });

  it("tries at once when asked to", () => {
    connection.start();
    last().drop();
    connection.retryNow();
    expect(sockets).toHaveLength(2);
  });

  it("survives frames that are not messages", () => {
    connection.start();
    last().open();
    last().onmessage?.({ data: "{" } as MessageEvent);
    last().says({ type: "news of a later version" });
    expect(connection.link.get().state).toBe("live");
  });
});
