/** Which columns of a table a person has put away, in this browser, by the table's name. */
import { Signal, type Readable } from "../stream/signal";

const KEY = "tradewright.columns";

type Hidden = Readonly<Record<string, readonly string[]>>;

function read(): Hidden {
  try {
    const saved: unknown = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    if (typeof saved !== "object" || saved === null) return {};
    return Object.fromEntries(
      Object.entries(saved).map(([table, columns]) => [
        table,
        Array.isArray(columns) ? columns.filter((each): each is string => typeof each === "string") : [],
      ]),
    );
  } catch {
    return {};
  }
}

const chosen = new Signal<Hidden>(read());

export const hiddenColumns: Readable<Hidden> = chosen;

export function setColumn(table: string, column: string, shown: boolean): void {
  const before = chosen.get()[table] ?? [];
  const after = shown ? before.filter((each) => each !== column) : [...before.filter((each) => each !== column), column];
  const next = { ...chosen.get(), [table]: after };
  try {
    localStorage.setItem(KEY, JSON.stringify(next));
  } catch {
    // Storage may be full or forbidden; the choice then lasts as long as the tab.
  }
  chosen.set(next);
}
