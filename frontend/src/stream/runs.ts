/**
 * How the runs of the workspace stand, as the stream tells it: every run that has not ended, and those of the last day.
 *
 * Lives here: `Runs`, which listens as long as somebody holds it, and the pure step of one message. Not here: what
 * happens inside of a run (`bots/run/tape`). A row is whole, so the newest version of it is all that counts.
 */
import type { Run } from "../api/types";
import { RUNS_TOPIC, type TopicMessage } from "./protocol";
import { Signal, type Readable } from "./signal";
import type { StreamStore } from "./store";

export type RunsView =
  | { readonly phase: "loading" }
  | { readonly phase: "failed"; readonly code: string }
  | { readonly phase: "live"; readonly rows: ReadonlyMap<string, Run> };

type Told = { readonly runs?: readonly Run[]; readonly run?: Run };

export function runsAfter(before: RunsView, message: Pick<TopicMessage, "type" | "data">): RunsView {
  const told = message.data as Told;
  if (message.type === "snapshot") return { phase: "live", rows: new Map((told.runs ?? []).map((run) => [run.id, run])) };
  if (before.phase !== "live" || told.run === undefined) return before;
  return { phase: "live", rows: withRun(before.rows, told.run) };
}

/** A row never goes back: an answer may be quicker than the stream, or slower. */
export function withRun(rows: ReadonlyMap<string, Run>, run: Run): ReadonlyMap<string, Run> {
  const known = rows.get(run.id);
  if (known !== undefined && isOlder(run, known)) return rows;
  return new Map(rows).set(run.id, run);
}

export function isOlder(run: Run, known: Run): boolean {
  return run.version < known.version || (run.version === known.version && run.event_seq < known.event_seq);
}

export const isOver = (run: Pick<Run, "state">): boolean => run.state === "finished" || run.state === "stopped" || run.state === "failed" || run.state === "halted";

/** It holds a slot: it is at work, or about to be, or ending. */
export const isAtWork = (run: Pick<Run, "state">): boolean => !isOver(run) && run.state !== "queued";

export class Runs {
  readonly #view = new Signal<RunsView>({ phase: "loading" });
  readonly #stream: StreamStore;
  #holders = 0;
  #release: (() => void) | null = null;

  constructor(stream: StreamStore) {
    this.#stream = stream;
  }

  get view(): Readable<RunsView> {
    return this.#view;
  }

  hold(): () => void {
    this.#holders += 1;
    this.#release ??= this.#stream.listen(RUNS_TOPIC, {
      onMessage: (message) => this.#view.set(runsAfter(this.#view.get(), message)),
      onFailed: (code) => this.#view.get().phase === "loading" && this.#view.set({ phase: "failed", code }),
      resumeFrom: () => null, // rows are told whole: a snapshot is the way back
    });
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#holders -= 1;
      if (this.#holders > 0) return;
      this.#release?.();
      this.#release = null;
      this.#view.set({ phase: "loading" });
    };
  }

  /** The answer to our own request, which may be quicker than the stream. */
  put(run: Run): void {
    const now = this.#view.get();
    if (now.phase === "live") this.#view.set({ phase: "live", rows: withRun(now.rows, run) });
  }
}
