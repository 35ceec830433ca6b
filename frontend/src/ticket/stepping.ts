/** The next value up or down from what is typed. */
import Big from "big.js";
import { parseDecimal, parsePercent, plain } from "../format/number";

/**
 * One step or several, kept on the grid; from an empty field it begins at `start`. A share moves by whole percents.
 * Null when the text is no number and there is nowhere to begin. Never below zero.
 */
export function moved(typed: string, step: string, steps: number, start: string | null): string | null {
  const share = parsePercent(typed);
  if (share !== null) return `${onGrid(new Big(share), new Big(1), steps)}%`;
  const value = parseDecimal(typed) ?? start;
  return value === null ? null : onGrid(new Big(value), new Big(step), steps);
}

function onGrid(value: Big, step: Big, steps: number): string {
  const snapped = value.plus(step.times(steps)).div(step).round(0, steps > 0 ? 0 : 3).times(step);
  return snapped.lt(0) ? "0" : plain(snapped);
}
