/** Calls about runs, their events and files; errors as in `calls`. */
import { body, client } from "./calls";
import { NoAnswer, readProblem, Refused } from "./errors";
import { fileName } from "./trading";
import type { Run, RunEventKind, RunEventPage, RunState, RunTrade, StopHow } from "./types";

export type RunFilter = { readonly bot_id?: string; readonly state?: RunState[] };
export type RunPage = { readonly runs: readonly Run[]; readonly next: string | null };

/** Events of any of the kinds (none: whatever) in which a text occurs. */
export type EventFilter = { readonly kinds: readonly RunEventKind[]; readonly search: string };
export const NO_FILTER: EventFilter = { kinds: [], search: "" };

/** A whole table takes a while; one that stops coming is given up. */
const EXPORT_TIMEOUT_MS = 120_000;
export const EVENTS_PAGE = 500;

export function readRuns(filter: RunFilter, before: string | null): Promise<RunPage> {
  const query = { ...filter, limit: 50, ...(before === null ? {} : { before }) };
  return body(client.GET("/api/v1/runs", { params: { query } }));
}

export async function readRun(id: string): Promise<Run> {
  return (await body(client.GET("/api/v1/runs/{run_id}", { params: { path: { run_id: id } } }))).run;
}

/** Oldest first after a number, or newest first before one; of neither the newest. */
export function readRunEvents(id: string, filter: EventFilter, place: { after?: number; before?: number }): Promise<RunEventPage> {
  const search = filter.search.trim();
  const query = { ...place, limit: EVENTS_PAGE, ...(filter.kinds.length === 0 ? {} : { kind: [...filter.kinds] }), ...(search === "" ? {} : { search }) };
  return body(client.GET("/api/v1/runs/{run_id}/events", { params: { path: { run_id: id }, query } }));
}

export async function readRunTrades(id: string, after: number): Promise<{ readonly trades: readonly RunTrade[]; readonly next: number | null }> {
  return body(client.GET("/api/v1/runs/{run_id}/trades", { params: { path: { run_id: id }, query: { after, limit: 200 } } }));
}

export async function readRunReport(id: string): Promise<Readonly<Record<string, unknown>>> {
  return (await body(client.GET("/api/v1/runs/{run_id}/report", { params: { path: { run_id: id } } }))).report;
}

export async function pauseRun(id: string): Promise<Run> {
  return (await body(client.POST("/api/v1/runs/{run_id}/pause", { params: { path: { run_id: id } } }))).run;
}

export async function resumeRun(id: string): Promise<Run> {
  return (await body(client.POST("/api/v1/runs/{run_id}/resume", { params: { path: { run_id: id } } }))).run;
}

/** `durationMs` is the whole, from the run's beginning. */
export async function extendRun(id: string, durationMs: number): Promise<Run> {
  return (await body(client.POST("/api/v1/runs/{run_id}/extend", { params: { path: { run_id: id } }, body: { duration_ms: durationMs } }))).run;
}

export async function stopRun(id: string, how: StopHow): Promise<Run> {
  return (await body(client.POST("/api/v1/runs/{run_id}/stop", { params: { path: { run_id: id } }, body: { how } }))).run;
}

export type RunTable = "events" | "trades";

/** The whole table as a file. It needs a fresh proof of who asks. */
export async function exportRun(id: string, table: RunTable, kind: "json" | "csv"): Promise<{ file: Blob; name: string }> {
  let response: Response;
  try {
    response = await fetch(`/api/v1/runs/${encodeURIComponent(id)}/export/${table}.${kind}`, { signal: AbortSignal.timeout(EXPORT_TIMEOUT_MS) });
    // An answer that breaks off in the middle fails here: a part is never saved as the whole.
    if (response.ok) return { file: await response.blob(), name: fileName(response.headers.get("content-disposition")) ?? `${table}.${kind}` };
  } catch (cause) {
    throw new NoAnswer(cause);
  }
  throw new Refused(readProblem(response.status, await response.json().catch(() => null)));
}
