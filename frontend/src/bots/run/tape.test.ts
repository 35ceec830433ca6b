import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { anEvent, aRun } from "../../api/fixtures";
import type { EventFilter } from "../../api/runs";
import type { RunEvent, RunEventKind, RunEventPage } from "../../api/types";
import type { TopicMessage } from "../../stream/protocol";
import type { TopicListener } from "../../stream/store";
import { following, Tape } from "./tape";

const PAGE = 5;
let journal: RunEvent[];
let listener: TopicListener;
let asked: string[];
let refuse: boolean;
let released: number;

const write = (count: number, kind: RunEventKind = "note"): RunEvent[] => {
  const events = Array.from({ length: count }, (_, at) => anEvent(journal.length + at + 1, { kind }));
  journal.push(...events);
  return events;
};
/** As the server pages: five events a page, by sequence, either way. */
const read = async (filter: EventFilter, place: { after?: number; before?: number }): Promise<RunEventPage> => {
  asked.push(JSON.stringify(place));
  if (refuse) throw new Error("away");
  const wanted = journal.filter((event) => filter.kinds.length === 0 || filter.kinds.includes(event.kind));
  const { after, before } = place;
  const found = after !== undefined ? wanted.filter(({ seq }) => seq > after).slice(0, PAGE) : wanted.filter(({ seq }) => seq < (before ?? Infinity)).reverse().slice(0, PAGE);
  return { events: found, next: found.length === PAGE ? (found.at(-1)?.seq ?? null) : null, event_seq: journal.length, events_removed_ms: null };
};
const says = (message: { type: "snapshot" | "delta"; seq: number; data: unknown }): void => listener.onMessage({ topic: "run:r", ...message } as TopicMessage);
const snapshot = (from: number): void => says({ type: "snapshot", seq: journal.length, data: { run: aRun(), events: journal.slice(from - 1) } });
const delta = (...events: RunEvent[]): void => events.forEach((event) => says({ type: "delta", seq: event.seq, data: event }));
const opened = (): Tape => {
  const tape = new Tape({ read, listen: (each) => ((listener = each), () => (released += 1)) });
  tape.open();
  return tape;
};
const seqs = (tape: Tape): number[] => tape.view.get().events.map(({ seq }) => seq);
const upTo = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, at) => from + at);
const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(1_000);

beforeEach(() => {
  vi.useFakeTimers();
  [journal, asked, refuse, released] = [[], [], false, 0];
});
afterEach(() => vi.useRealTimers());

it("begins with the newest of the snapshot, follows the stream, and loads what is older by pages", async () => {
  write(13);
  const tape = opened();
  snapshot(9);
  expect([seqs(tape), tape.view.get().older]).toEqual([upTo(9, 13), 9]);
  delta(...write(2));
  await settle();
  expect([seqs(tape), asked]).toEqual([upTo(9, 15), []]);
  await tape.loadOlder();
  expect([seqs(tape), tape.view.get().older]).toEqual([upTo(4, 15), 4]);
  await tape.loadOlder();
  expect([seqs(tape), tape.view.get().older]).toEqual([upTo(1, 15), null]);
});

it("resumes after a break with the last number, and takes what it holds already once", async () => {
  write(4);
  const tape = opened();
  expect(listener.resumeFrom()).toBeNull();
  snapshot(1);
  delta(...write(2));
  await settle();
  expect(listener.resumeFrom()).toBe(6);
  delta(...journal.slice(3), ...write(1));
  await settle();
  expect(seqs(tape)).toEqual(upTo(1, 7));
});

it("fills a hole before it shows what follows: of a snapshot that begins too late, and of a delta that was lost", async () => {
  write(3);
  const tape = opened();
  snapshot(1);
  write(9);
  snapshot(11);
  await settle();
  expect(seqs(tape)).toEqual(upTo(1, 12));
  const [, second] = write(2);
  if (second !== undefined) delta(second);
  await settle();
  expect(seqs(tape)).toEqual(upTo(1, 14));
});

it("keeps what it holds when the hole cannot be read, says so, and fills it with the next news", async () => {
  write(2);
  const tape = opened();
  snapshot(1);
  refuse = true;
  write(1);
  delta(...write(1));
  await vi.advanceTimersByTimeAsync(150);
  expect([seqs(tape), tape.view.get().error]).toEqual([[1, 2], new Error("away")]);
  refuse = false;
  await settle();
  expect([seqs(tape), tape.view.get().error]).toEqual([upTo(1, 4), null]);
});

it("shows what a filter finds, asks again for what was written since, and goes back to everything", async () => {
  write(3, "bar");
  write(2, "fill");
  write(6, "bar");
  const tape = opened();
  snapshot(7);
  tape.setFilter({ kinds: ["fill"], search: "" });
  await settle();
  expect([seqs(tape), tape.view.get().older]).toEqual([[4, 5], null]);
  delta(...write(1, "bar"), ...write(1, "fill"));
  await settle();
  expect(seqs(tape)).toEqual([4, 5, 13]);
  tape.setFilter({ kinds: [], search: "" });
  await settle();
  expect([seqs(tape), tape.view.get().older]).toEqual([upTo(9, 13), 9]);
  delta(...write(1));
  await settle();
  expect(seqs(tape)).toEqual(upTo(9, 14));
});

it("drops the answer to a question of before", async () => {
  write(2, "bar");
  const tape = opened();
  snapshot(1);
  tape.setFilter({ kinds: ["fill"], search: "" });
  tape.setFilter({ kinds: ["bar"], search: "" });
  await settle();
  expect(seqs(tape)).toEqual([1, 2]);
});

it("says that it failed where a first page does not come, and begins when it is asked again", async () => {
  write(2, "bar");
  const tape = opened();
  refuse = true;
  tape.setFilter({ kinds: ["bar"], search: "" });
  await settle();
  expect(tape.view.get().phase).toBe("failed");
  refuse = false;
  tape.retry();
  await settle();
  expect([tape.view.get().phase, seqs(tape)]).toEqual(["live", [1, 2]]);
});

it("tells a gap from what is held already", () => {
  const held = [anEvent(4), anEvent(5)];
  expect(following(held, [anEvent(5), anEvent(6)])).toMatchObject({ gap: false, events: [{ seq: 4 }, { seq: 5 }, { seq: 6 }] });
  expect(following(held, [anEvent(6), anEvent(8)])).toMatchObject({ gap: true, events: [{ seq: 4 }, { seq: 5 }, { seq: 6 }] });
  expect(following(held, [anEvent(3)]).events).toBe(held);
  expect(following([], [anEvent(9)]).events.length).toBe(1);
});
