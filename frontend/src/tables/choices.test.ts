// @vitest-environment jsdom
import { beforeEach, expect, it, vi } from "vitest";

/** The module as a fresh tab reads it. */
async function fresh() {
  vi.resetModules();
  return await import("./choices");
}

beforeEach(() => localStorage.clear());

it("turns a head through descending, ascending and the table's own order, each table by itself", async () => {
  const { tableSortings, turnSorting } = await fresh();
  turnSorting("orders", "price");
  turnSorting("fills", "fee");
  expect(tableSortings.get()).toEqual({ orders: { key: "price", descending: true }, fills: { key: "fee", descending: true } });
  turnSorting("orders", "price");
  expect(tableSortings.get()["orders"]).toEqual({ key: "price", descending: false });
  turnSorting("orders", "price");
  expect(tableSortings.get()).toEqual({ fills: { key: "fee", descending: true } });
  turnSorting("fills", "price");
  expect(tableSortings.get()["fills"]).toEqual({ key: "price", descending: true });
});

it("is what it was in the next tab", async () => {
  const before = await fresh();
  before.setColumn("orders", "tif", false);
  before.setColumn("orders", "flags", false);
  before.setColumn("orders", "tif", true);
  before.turnSorting("orders", "price");
  before.showDust(true);
  const after = await fresh();
  expect(after.hiddenColumns.get()).toEqual({ orders: ["flags"] });
  expect(after.tableSortings.get()).toEqual({ orders: { key: "price", descending: true } });
  expect(after.dustShown.get()).toBe(true);
});

it("does not believe what it finds in the browser's storage", async () => {
  for (const found of ["{", "null", '"x"', "7", '{"orders": 5}', '{"orders": {"key": 1, "descending": "yes"}}', '{"orders": [1, "tif"]}']) {
    for (const key of ["columns", "sorting", "dust"]) localStorage.setItem(`tradewright.${key}`, found);
    const { dustShown, hiddenColumns, tableSortings } = await fresh();
    expect(tableSortings.get()).toEqual({});
    expect(Object.values(hiddenColumns.get()).flat()).toEqual(found.includes("tif") ? ["tif"] : []);
    expect(dustShown.get()).toBe(false);
  }
});
