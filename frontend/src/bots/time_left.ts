/** How long a run still has, by the clock that it goes by: the market's on the simulated exchange, else the server's. */
import type { Run } from "../api/types";
import type { Clocks } from "../stream/store";

/** `share` of its duration that is over, 0 to 1. */
export type TimeLeft = { readonly leftMs: number; readonly share: number };

/** What is said loudly: so near the end whoever watches may want to extend it. */
export const NEAR_MS = 300_000;
export const NEAREST_MS = 60_000;

/** Now by the clock of a run's venue, in Unix ms. */
export function venueNow(run: Pick<Run, "environment">, clocks: Clocks | null, nowMs: number): number {
  if (run.environment === "sim" && clocks !== null && clocks.marketNowMs !== null) {
    return clocks.marketNowMs + (nowMs - clocks.heardAtMs) * clocks.marketSpeed;
  }
  return nowMs + (clocks?.serverOffsetMs ?? 0);
}

/** Null of one that has not begun, or is over. */
export function timeLeft(run: Pick<Run, "environment" | "state" | "duration_ms" | "deadline_market_ms" | "ended_ms">, clocks: Clocks | null, nowMs: number): TimeLeft | null {
  if (run.deadline_market_ms === null || run.ended_ms !== null) return null;
  // Until the market's clock is heard its time is not known: another clock's would be another number.
  if (run.environment === "sim" && clocks === null) return null;
  const leftMs = Math.min(run.duration_ms, Math.max(0, run.deadline_market_ms - venueNow(run, clocks, nowMs)));
  return { leftMs, share: run.duration_ms === 0 ? 1 : 1 - leftMs / run.duration_ms };
}

export function nearness(left: TimeLeft | null): "far" | "near" | "nearest" {
  if (left === null || left.leftMs > NEAR_MS) return "far";
  return left.leftMs > NEAREST_MS ? "near" : "nearest";
}

/** `04:59`, `3:04:59`: until the end of a run. Rounded up, so that it is at zero when the time is over and not before. */
export function clockText(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (value: number): string => String(value).padStart(2, "0");
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${two(minutes)}:${two(rest)}`;
}
