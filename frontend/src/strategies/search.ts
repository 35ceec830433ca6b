/** What of a strategy's page is in its address: which version, and with which it is compared. */
export type StrategySearch = { readonly v?: number | undefined; readonly compare?: number | undefined };

/** What makes no sense is dropped, so that an old link still opens. */
export function readStrategySearch(search: Record<string, unknown>): StrategySearch {
  const number = (name: string): number | undefined => {
    const value = search[name];
    return typeof value === "number" && Number.isInteger(value) && value > 0 && value <= 1_000_000 ? value : undefined;
  };
  return { v: number("v"), compare: number("compare") };
}
