import { readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { readCatalogues } from "../../../vite.config";
import { flatten } from "../../i18n/catalogues";

const ROOT = "../src/tradewright/bots";
const source = ["runner", "machines"].flatMap((part) => readdirSync(`${ROOT}/${part}`).filter((name) => name.endsWith(".py")).map((name) => readFileSync(`${ROOT}/${part}/${name}`, "utf8"))).join("\n");
const named = (pattern: RegExp): readonly string[] => [...new Set([...source.matchAll(pattern)].map((match) => match.slice(1).find((each) => each !== undefined) ?? ""))].sort();

/** What the runner may write into events, as its source names it. */
const NOTES = named(/\bnote\(\s*"([a-z_.]+)"|"code": "([a-z_]+\.[a-z_]+)"/g).filter((code) => code !== "exchange.order_ended"); // of an order, not a note
const ENDS = named(/(?:NotStarted\(\s*|\bcode=)"(run\.[a-z_]+)"/g);

it.each([
  ["note", NOTES, (code: string) => [`runs.note.${code}`]],
  ["end", ENDS, (code: string) => [`runs.reason.${code}`, `problems.${code}`, `faults.${code}`]],
])("has words in both languages for every %s that the runner writes", (_what, codes, keys) => {
  expect(codes.length).toBeGreaterThan(5);
  for (const [language, tree] of Object.entries(readCatalogues())) {
    const words = flatten(tree);
    expect(codes.filter((code) => !keys(code).some((key) => words.has(key))), language).toEqual([]);
  }
});
