/**
 * From what a run wanted to what came of it, as trees: signal, intent, verdict, order, fills, position, trade, by
 * `caused_by`.
 *
 * An event of which nothing held is the cause is an orphan, unless it is one that begins a chain: that is said, never
 * hidden. Times matched by eye would pair the wrong ones.
 */
import type { RunEvent, RunEventKind } from "../../api/types";

export const TRACED = ["signal", "intent", "risk", "refused", "limit", "order", "fill", "stop", "position", "trade"] as const satisfies readonly RunEventKind[];
const BEGINS: ReadonlySet<RunEventKind> = new Set<RunEventKind>(["signal", "intent", "stop"]);

export type Node = {
  readonly event: RunEvent;
  /** From what led to it until it; null of the first. */
  readonly latencyMs: number | null;
  readonly children: readonly Node[];
};
export type Chain = { readonly node: Node; readonly isOrphan: boolean };

type Growing = { event: RunEvent; latencyMs: number | null; children: Growing[] };

/**
 * Chains, the newest first. `isWhole`: nothing older is left to load, so what lacks its cause is an orphan; before that
 * its cause may simply be further up.
 */
export function chainsOf(events: readonly RunEvent[], isWhole: boolean): readonly Chain[] {
  const nodes = new Map<number, Growing>();
  const intents = new Map<string, Growing>();
  const heads: Growing[] = [];
  for (const event of events) {
    const parent = parentOf(event, nodes, intents);
    const node: Growing = { event, latencyMs: parent === undefined ? null : Math.max(0, event.at_ms - parent.event.at_ms), children: [] };
    nodes.set(event.seq, node);
    if (event.kind === "intent" && event.intent_id !== null) intents.set(event.intent_id, node);
    if (parent === undefined) heads.push(node);
    else parent.children.push(node);
  }
  return heads.reverse().map((node) => ({ node, isOrphan: isWhole && !BEGINS.has(node.event.kind) }));
}

/** Its cause; and where that is not held, the intent that it is about: what became of an intent is told with its id. */
function parentOf(event: RunEvent, nodes: ReadonlyMap<number, Growing>, intents: ReadonlyMap<string, Growing>): Growing | undefined {
  const cause = event.caused_by === null ? undefined : nodes.get(event.caused_by);
  if (cause !== undefined || event.intent_id === null || event.kind === "intent") return cause;
  return intents.get(event.intent_id);
}

/** The last word of a chain: what a folded one shows. */
export function lastOf(node: Node): RunEvent {
  return node.children.map(lastOf).reduce((last, each) => (each.seq > last.seq ? each : last), node.event);
}

export function countOf(node: Node): number {
  return 1 + node.children.reduce((sum, child) => sum + countOf(child), 0);
}
