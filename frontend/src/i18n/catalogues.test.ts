import { expect, it } from "vitest";
import { readCatalogues } from "../../vite.config";
import { catalogueFaults } from "./catalogues";
import { i18next, startWords } from "./index";

it("has every key in both languages, every plural in all its forms, and the same placeholders", () => {
  expect(catalogueFaults(readCatalogues())).toEqual([]);
});

it("finds a missing key, a missing plural form, an unknown key, an empty text and a wrong placeholder", () => {
  const en = { a: { one_more: "x {{n}}", rows_one: "{{count}} row", rows_other: "{{count}} rows", said: "said" } };
  const ru = { a: { one_more: "x {{m}}", rows_one: "{{count}} строка", rows_other: "{{count}} строки", said: " ", extra: "y" } };
  expect(catalogueFaults({ en, ru })).toEqual([
    "ru: a.rows_few is missing",
    "ru: a.rows_many is missing",
    "ru: a.one_more names {m}, English names {n}",
    "ru: a.said is empty",
    "ru: a.extra is not in English",
  ]);
});

it("declines Russian counts", async () => {
  await startWords("ru");
  const said = [1, 2, 5, 21, 1.5].map((count) => i18next.t("terminal.bars_shown", { count }));
  expect(said).toEqual(["1 бар", "2 бара", "5 баров", "21 бар", "1.5 бара"]);
});
