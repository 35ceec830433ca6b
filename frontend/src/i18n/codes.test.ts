import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { readCatalogues } from "../../vite.config";
import { flatten } from "./catalogues";

/** Every code that a shared vector of the rules names, wherever it stands. */
function codesOf(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  const own = "code" in value && typeof value.code === "string" ? [value.code] : [];
  return [...own, ...Object.values(value).flatMap(codesOf)];
}

it("has words in both languages for every finding of the rules that page and server share", () => {
  const vectors = ["order_rules", "draft_rules", "change_rules", "sizing"].map((name) => JSON.parse(readFileSync(`../tests/data/${name}.json`, "utf8")) as unknown);
  const codes = new Set(vectors.flatMap(codesOf));
  expect(codes.size).toBeGreaterThan(40);
  for (const [language, tree] of Object.entries(readCatalogues())) {
    const words = flatten(tree);
    const missing = [...codes].filter((code) => !words.get(`problems.${code}`));
    expect(missing, language).toEqual([]);
  }
});
