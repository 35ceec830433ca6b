import type { Category } from "../api/types";

export type Kind = "linear" | "dated" | "spot";

/** What stands beside a symbol: Bybit writes the day of a dated contract behind a dash, and perpetual ones have none. */
export function kindOf({ category, symbol }: { readonly category: Category; readonly symbol: string }): Kind {
  return category === "linear" && symbol.includes("-") ? "dated" : category;
}
