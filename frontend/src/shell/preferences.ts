/**
 * What a person chose for this browser: language, theme, palette of up and down.
 *
 * Kept in localStorage and set on <html>; `public/theme.js` reads the same entry before the first paint.
 */
import type { Language } from "../format/number";
import { Signal } from "../stream/signal";

export type Theme = "system" | "dark" | "light";
export type Palette = "safe" | "classic" | "inverted";
export type Preferences = { readonly language: Language; readonly theme: Theme; readonly palette: Palette };

const KEY = "tradewright.preferences";

function read(): Preferences {
  const preferred: Language = navigator.language.toLowerCase().startsWith("ru") ? "ru" : "en";
  const defaults: Preferences = { language: preferred, theme: "system", palette: "safe" };
  let saved: unknown = null;
  try {
    saved = JSON.parse(localStorage.getItem(KEY) ?? "null");
  } catch {
    return defaults;
  }
  if (typeof saved !== "object" || saved === null) return defaults;
  const entry = saved as Record<string, unknown>;
  return {
    language: entry["language"] === "ru" || entry["language"] === "en" ? entry["language"] : defaults.language,
    theme: entry["theme"] === "dark" || entry["theme"] === "light" ? entry["theme"] : "system",
    palette: entry["palette"] === "classic" || entry["palette"] === "inverted" ? entry["palette"] : "safe",
  };
}

export const preferences = new Signal<Preferences>(read());

export function choose(change: Partial<Preferences>): void {
  const next = { ...preferences.get(), ...change };
  try {
    localStorage.setItem(KEY, JSON.stringify(next));
  } catch {
    // Storage may be full or forbidden; the choice then lasts as long as the tab.
  }
  apply(next);
  preferences.set(next);
}

export function apply(chosen: Preferences): void {
  const root = document.documentElement;
  root.lang = chosen.language;
  root.dataset["palette"] = chosen.palette;
  if (chosen.theme === "system") delete root.dataset["theme"];
  else root.dataset["theme"] = chosen.theme;
}

/** The theme in force, for what CSS cannot reach: the canvas of the chart. */
export function effectiveTheme(chosen: Preferences): "dark" | "light" {
  if (chosen.theme !== "system") return chosen.theme;
  return globalThis.matchMedia?.("(prefers-color-scheme: light)").matches ? "light" : "dark";
}
