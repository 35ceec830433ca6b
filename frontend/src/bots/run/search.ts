/** What of a run's page is in its address: the tab, and what its timeline is narrowed to. */
import { groupsIn } from "./rows";

export const RUN_TABS = ["timeline", "trace", "trades", "stats"] as const;
export type RunTab = (typeof RUN_TABS)[number];

export type RunSearch = { readonly tab?: RunTab | undefined; readonly kinds?: string | undefined; readonly find?: string | undefined };

/** What makes no sense is dropped, so that an old link still opens. */
export function readRunSearch(search: Record<string, unknown>): RunSearch {
  const kinds = groupsIn(typeof search["kinds"] === "string" ? search["kinds"] : undefined).join(",");
  // A number in an address is read as one.
  const find = typeof search["find"] === "string" || typeof search["find"] === "number" ? String(search["find"]) : "";
  return {
    tab: RUN_TABS.find((each) => each === search["tab"]),
    kinds: kinds === "" ? undefined : kinds,
    find: find === "" || find.length > 80 ? undefined : find,
  };
}
