/** What of the list of bots is in its address: its filters. */
import type { BotFilter } from "../api/bots";
import type { Environment, RunState } from "../api/types";

export const RUN_STATES: readonly RunState[] = ["queued", "starting", "running", "paused", "stopping", "finished", "stopped", "failed", "halted"];
const ENVIRONMENTS: readonly Environment[] = ["sim", "demo", "testnet", "live"];
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export type BotsSearch = {
  readonly name?: string | undefined;
  /** Of the newest run, or the archive. */
  readonly state?: RunState | "archived" | undefined;
  readonly env?: Environment | undefined;
  readonly spec?: string | undefined;
};

/** What makes no sense is dropped, so that an old link still opens. */
export function readBotsSearch(search: Record<string, unknown>): BotsSearch {
  const name = typeof search["name"] === "string" || typeof search["name"] === "number" ? String(search["name"]) : "";
  const { state, env, spec } = search;
  return {
    name: name === "" || name.length > 80 ? undefined : name,
    state: state === "archived" ? "archived" : RUN_STATES.find((each) => each === state),
    env: ENVIRONMENTS.find((each) => each === env),
    spec: typeof spec === "string" && UUID.test(spec) ? spec : undefined,
  };
}

export function filterOf(search: BotsSearch): BotFilter {
  const { name, state, env, spec } = search;
  return {
    ...(name === undefined ? {} : { name }),
    ...(state === undefined ? {} : state === "archived" ? { state } : { run_state: state }),
    ...(env === undefined ? {} : { environment: env }),
    ...(spec === undefined ? {} : { strategy_id: spec }),
  };
}
