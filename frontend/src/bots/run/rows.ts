/**
 * Events as the lines of a timeline: each under what led to it, so that a decision and what came of it read as one.
 *
 * An event is set in under its cause as long as that is held, at most so deep as a phone has room for.
 */
import type { RunEvent, RunEventKind } from "../../api/types";
import { decidedIn, type Payload } from "./payload";

export type Line = {
  readonly event: RunEvent;
  /** 0: nothing that is held led to it. */
  readonly depth: number;
  /** Sequence of the event that a group begins with: its own where nothing led to it. */
  readonly root: number;
};

const DEPTH_MAX = 3;

export function linesOf(events: readonly RunEvent[]): readonly Line[] {
  const known = new Map<number, Line>();
  return events.map((event) => {
    const cause = event.caused_by === null ? undefined : known.get(event.caused_by);
    const line: Line =
      cause === undefined
        ? { event, depth: 0, root: event.seq }
        : { event, depth: Math.min(DEPTH_MAX, isQuiet(cause.event) ? cause.depth : cause.depth + 1), root: cause.root };
    known.set(event.seq, line);
    return line;
  });
}

/** A bar on which nothing was decided leads to notes alone: they stand beside it. */
function isQuiet(event: RunEvent): boolean {
  return event.kind === "bar" && decidedIn(event.payload as Payload).length === 0;
}

/** What a filter offers: kinds that people look for together. */
export const GROUPS = {
  bars: ["bar"],
  decisions: ["signal", "intent", "risk", "refused", "limit"],
  orders: ["order", "stop"],
  fills: ["fill", "position", "trade"],
  state: ["lifecycle", "wish", "link", "sleep", "takeover"],
  troubles: ["note", "error"],
} as const satisfies Record<string, readonly RunEventKind[]>;

export type Group = keyof typeof GROUPS;
export const GROUP_NAMES = Object.keys(GROUPS) as readonly Group[];

export function kindsOf(groups: readonly Group[]): readonly RunEventKind[] {
  return groups.flatMap((group): readonly RunEventKind[] => GROUPS[group]);
}

/** Groups named in an address, in our order; what is none is dropped. */
export function groupsIn(text: string | undefined): readonly Group[] {
  const named = new Set((text ?? "").split(","));
  return GROUP_NAMES.filter((group) => named.has(group));
}
