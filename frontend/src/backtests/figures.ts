/** Figures of a report as text, and the way of an equity curve. Ratios and charts only: no money is counted here. */
import Big from "big.js";
import { grouping, UNKNOWN, type Language } from "../format/number";

const CENTS = 2;
const HALF_EVEN = 2;

/** `-14.62`, `1 204.10`; what is no number (of no trades, say) is a dash. */
export function figure(value: number | null | undefined, language: Language): string {
  return value === null || value === undefined ? UNKNOWN : grouping(value.toFixed(CENTS), language);
}

/** Money of a report, which has up to eighteen decimals, to two: rounded for reading only. */
export function money(text: string, language: Language): string {
  return grouping(new Big(text).toFixed(CENTS, HALF_EVEN), language);
}

export interface Box {
  readonly width: number;
  readonly height: number;
}

/** The `d` of an SVG path through the points, time from left to right, the highest at the top. */
export function pathOf(points: readonly (readonly [number, number])[], { width, height }: Box): string {
  const first = points[0];
  const last = points.at(-1);
  if (first === undefined || last === undefined) return "";
  const values = points.map(([, value]) => value);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const across = (time: number): number => (last[0] === first[0] ? 0 : ((time - first[0]) / (last[0] - first[0])) * width);
  const down = (value: number): number => (high === low ? height / 2 : ((high - value) / (high - low)) * height);
  return points.map(([time, value], index) => `${index === 0 ? "M" : "L"}${across(time).toFixed(1)} ${down(value).toFixed(1)}`).join("");
}
