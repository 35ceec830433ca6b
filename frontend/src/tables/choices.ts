/** How a person wants the tables: columns put away, what rows are ordered by, dust. Kept in this browser by table. */
import { Signal, type Readable } from "../stream/signal";

type Hidden = Readonly<Record<string, readonly string[]>>;
export type Sorting = { readonly key: string; readonly descending: boolean };
type Sortings = Readonly<Record<string, Sorting>>;

/** A value that localStorage keeps. What is found there is read with suspicion: anybody may have written it. */
function kept<T>(key: string, read: (saved: unknown) => T): { readonly value: Readable<T>; readonly put: (next: T) => void } {
  const load = (): T => {
    try {
      return read(JSON.parse(localStorage.getItem(key) ?? "null"));
    } catch {
      return read(null);
    }
  };
  const signal = new Signal<T>(load());
  const put = (next: T): void => {
    try {
      localStorage.setItem(key, JSON.stringify(next));
    } catch {
      // Storage may be full or forbidden; the choice then lasts as long as the tab.
    }
    signal.set(next);
  };
  return { value: signal, put };
}

function entriesOf(saved: unknown): [string, unknown][] {
  return typeof saved === "object" && saved !== null ? Object.entries(saved) : [];
}

const hidden = kept<Hidden>("tradewright.columns", (saved) =>
  Object.fromEntries(
    entriesOf(saved).map(([table, columns]) => [table, Array.isArray(columns) ? columns.filter((each): each is string => typeof each === "string") : []]),
  ),
);
const sortings = kept<Sortings>("tradewright.sorting", (saved) =>
  Object.fromEntries(entriesOf(saved).flatMap(([table, sorting]) => (isSorting(sorting) ? [[table, sorting]] : []))),
);
const dust = kept<boolean>("tradewright.dust", (saved) => saved === true);

function isSorting(value: unknown): value is Sorting {
  if (typeof value !== "object" || value === null || !("key" in value) || !("descending" in value)) return false;
  return typeof value.key === "string" && typeof value.descending === "boolean";
}

export const hiddenColumns = hidden.value;
export const tableSortings = sortings.value;
export const dustShown = dust.value;
export const showDust = dust.put;

export function setColumn(table: string, column: string, shown: boolean): void {
  const others = (hiddenColumns.get()[table] ?? []).filter((each) => each !== column);
  hidden.put({ ...hiddenColumns.get(), [table]: shown ? others : [...others, column] });
}

/** A press on a head: descending, ascending, then the table's own order again. */
export function turnSorting(table: string, key: string): void {
  const { [table]: before, ...others } = tableSortings.get();
  if (before?.key !== key) sortings.put({ ...others, [table]: { key, descending: true } });
  else sortings.put(before.descending ? { ...others, [table]: { key, descending: false } } : others);
}
