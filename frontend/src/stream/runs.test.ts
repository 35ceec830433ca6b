import { expect, it } from "vitest";
import { aRun } from "../api/fixtures";
import type { Run } from "../api/types";
import { runsAfter, type RunsView } from "./runs";

const snapshot = (...runs: Run[]): RunsView => runsAfter({ phase: "loading" }, { type: "snapshot", data: { runs } as never });
const after = (view: RunsView, run: Run): RunsView => runsAfter(view, { type: "delta", data: { kind: "run", run } as never });
const states = (view: RunsView) => (view.phase === "live" ? [...view.rows.values()].map(({ id, state }) => `${id} ${state}`) : view.phase);

it("begins with a snapshot, takes rows that changed, and is replaced by the next snapshot", () => {
  let view = snapshot(aRun({ id: "a" }), aRun({ id: "b", state: "queued" }));
  view = after(view, aRun({ id: "b", state: "starting", version: 2 }));
  view = after(view, aRun({ id: "c", state: "queued" }));
  expect(states(view)).toEqual(["a running", "b starting", "c queued"]);
  expect(states(snapshot(aRun({ id: "c", state: "running" })))).toEqual(["c running"]);
});

it("never lets a row go back, whichever way it comes", () => {
  const now = snapshot(aRun({ id: "a", state: "stopping", version: 5, event_seq: 9 }));
  expect(after(now, aRun({ id: "a", state: "running", version: 4, event_seq: 12 }))).toEqual(now);
  expect(after(now, aRun({ id: "a", state: "running", version: 5, event_seq: 8 }))).toEqual(now);
  expect(states(after(now, aRun({ id: "a", state: "stopped", version: 6, event_seq: 9 })))).toEqual(["a stopped"]);
});

it("waits for its snapshot: a row alone says nothing of the others", () => {
  expect(after({ phase: "loading" }, aRun())).toEqual({ phase: "loading" });
});
