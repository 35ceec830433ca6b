import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

type Theme = "dark" | "light" | "light of the system";
type Rgb = readonly [number, number, number];
interface Rule {
  readonly selectors: readonly string[];
  readonly properties: ReadonlyMap<string, string>;
}

const READABLE = 4.5; // WCAG 2.2, 1.4.3: text of ordinary size

/** The innermost rules of a style sheet, whatever media query they are in. */
function rulesOf(file: string): Rule[] {
  const text = readFileSync(new URL(file, import.meta.url), "utf8").replace(/\/\*.*?\*\//gs, "");
  return Array.from(text.matchAll(/([^{};]+)\{([^{}]*)\}/g), ([, selectors = "", body = ""]) => ({
    selectors: selectors.split(",").map((one) => one.trim()),
    properties: new Map(
      body
        .split(";")
        .map((line) => line.split(/:(.*)/s))
        .filter(([name]) => name?.trim())
        .map(([name = "", value = ""]) => [name.trim(), value.trim()]),
    ),
  }));
}

const TOKENS = rulesOf("./tokens.css");

/** What the tokens are on a page with these choices: later rules win, as they are written from the general to the special. */
function tokens(theme: Theme, palette: string | null): ReadonlyMap<string, string> {
  const own = theme === "light of the system" ? ":root:not([data-theme])" : `:root[data-theme="${theme}"]`;
  const roots = [":root", own];
  if (palette !== null) roots.push(`:root[data-palette="${palette}"]`, `${own}[data-palette="${palette}"]`);
  return new Map(TOKENS.filter((rule) => rule.selectors.some((one) => roots.includes(one))).flatMap((rule) => [...rule.properties]));
}

function rgb(value: string, of: ReadonlyMap<string, string>): Rgb {
  const name = /^var\((--[a-z-]+)\)$/.exec(value)?.[1];
  if (name !== undefined) return rgb(of.get(name) ?? `no token ${name}`, of);
  const mixed = /^color-mix\(in srgb, (.+) (\d+)%, (.+)\)$/.exec(value);
  if (mixed?.[1] !== undefined && mixed[3] !== undefined) return over(rgb(mixed[1], of), rgb(mixed[3], of), Number(mixed[2]) / 100);
  const hex = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/.exec(value);
  if (hex === null) throw new Error(`${value} is no colour that this test reads`);
  return [1, 2, 3].map((at) => Number.parseInt(hex[at] ?? "", 16)) as unknown as Rgb;
}

/** The first colour at this share, over the second. */
function over(top: Rgb, below: Rgb, share: number): Rgb {
  return top.map((part, at) => part * share + (below[at] ?? 0) * (1 - share)) as unknown as Rgb;
}

function luminance(colour: Rgb): number {
  const [red, green, blue] = colour.map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4)) as unknown as Rgb;
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: Rgb, other: Rgb): number {
  const [low = 0, high = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

/** The share of its own colour that a text has lost on its way to grey. */
function saturation(colour: Rgb): number {
  return Math.max(...colour) - Math.min(...colour);
}

const STALE = rulesOf("./base.css").filter((rule) => rule.selectors.includes(".old"))[0]?.properties ?? new Map<string, string>();
const BAR_SHARE = Number(rulesOf("./book.css").find((rule) => rule.selectors.includes(".book.is-old .depth"))?.properties.get("opacity"));
const THEMES = (["dark", "light", "light of the system"] as const).flatMap((theme) => [null, "classic", "inverted"].map((palette) => [theme, palette] as const));

describe.each(THEMES)("what is old, %s and %s", (theme, palette) => {
  const of = tokens(theme, palette);
  const grounds = ["--bg", "--panel", "--raised"].map((name) => rgb(`var(${name})`, of));
  const contrasts = (value: string) => grounds.map((ground) => contrast(rgb(value, of), ground));

  it.each(["color", "--text", "--muted", "--up", "--down"])("is readable on every ground in %s", (role) => {
    const value = STALE.get(role) ?? "";
    for (const reached of contrasts(value)) expect(reached).toBeGreaterThanOrEqual(READABLE);
  });

  it.each(["--up", "--down"])("is readable over the bar of its side of the book, of %s", (side) => {
    const bar = over(rgb(STALE.get(side) ?? "", of), rgb("var(--panel)", of), BAR_SHARE);
    for (const role of [side, "--text"]) expect(contrast(rgb(STALE.get(role) ?? "", of), bar)).toBeGreaterThanOrEqual(READABLE);
  });

  it.each(["--text", "--up", "--down"])("is dimmer than what is fresh in %s", (role) => {
    const fresh = rgb(`var(${role})`, of);
    const stale = rgb(STALE.get(role) ?? "", of);
    expect(role === "--text" ? contrast(fresh, grounds[1] as Rgb) / contrast(stale, grounds[1] as Rgb) : saturation(fresh) / saturation(stale)).toBeGreaterThan(1.5);
  });
});

it("is made so by colour, and no text by opacity, wherever it stands", () => {
  const files = ["base", "book", "connections", "markets", "shell", "tables", "terminal"];
  const faded = files.flatMap((file) => rulesOf(`./${file}.css`)).filter((rule) => rule.selectors.some((one) => /\.(is-)?old\b(?!-)/.test(one) && !one.endsWith(" .depth")) && rule.properties.has("opacity"));
  expect(faded).toEqual([]);
  expect(STALE.get("color")).toBe("var(--dim)");
});

it("is what the rule of old figures, book and tape says too", () => {
  const rule = rulesOf("./base.css").find((one) => one.selectors.includes(".old"));
  expect(rule?.selectors).toEqual([".old", ".figures.is-old", ".book.is-old", ".tape.is-old", ".chart-panel.is-old .readout"]);
});
