/** Which orders of real money are typed once more, and what counts as typed. */
import Big from "big.js";

/** Prices move between here and the server: what is nearly large is asked for too. */
const NEARLY = 0.95;

/** Whether an order of this value (quote coin; null: nobody knows it) is typed. Without an arming nothing opens anyway. */
export function isLarge(value: string | null, confirmAbove: string | null): boolean {
  if (confirmAbove === null) return false;
  return value === null || new Big(value).gt(new Big(confirmAbove).times(NEARLY));
}

export function isTyped(typed: string, symbol: string): boolean {
  return typed.trim().toUpperCase() === symbol;
}
