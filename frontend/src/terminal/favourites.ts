/** The instruments that a person marked, in this browser. */
import { Signal, type Readable } from "../stream/signal";

const KEY = "tradewright.favourites";

function read(): ReadonlySet<string> {
  try {
    const saved: unknown = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return new Set(Array.isArray(saved) ? saved.filter((each): each is string => typeof each === "string") : []);
  } catch {
    return new Set();
  }
}

const chosen = new Signal<ReadonlySet<string>>(read());

export const favourites: Readable<ReadonlySet<string>> = chosen;

export function toggleFavourite(id: string): void {
  const next = new Set(chosen.get());
  if (!next.delete(id)) next.add(id);
  try {
    localStorage.setItem(KEY, JSON.stringify([...next]));
  } catch {
    // Storage may be full or forbidden; the choice then lasts as long as the tab.
  }
  chosen.set(next);
}
