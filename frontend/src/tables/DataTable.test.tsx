// @vitest-environment jsdom
import { act, cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { startWords } from "../i18n";
import { DataTable, numeric, sorted, type Column } from "./DataTable";

type Thing = { readonly id: string; readonly size: string | null };
const columns: readonly Column<Thing>[] = [
  { key: "name", head: "Name", wide: true, sort: (thing) => thing.id, cell: (thing) => thing.id },
  { key: "size", head: "Size", numeric: true, optional: true, sort: (thing) => numeric(thing.size), cell: (thing) => thing.size ?? "—" },
  { key: "note", head: "Note", optional: true, cell: () => "note" },
  { key: "actions", head: "Actions", cell: (thing) => <button type="button">{`act on ${thing.id}`}</button> },
];
const things: readonly Thing[] = [
  { id: "b", size: "9" },
  { id: "c", size: null },
  { id: "a", size: "10" },
];
const table = (rows: readonly Thing[] = things) => (
  <section id="orders" tabIndex={-1}>
    <DataTable name="things" label="Things" columns={columns} rows={rows} keyOf={(thing) => thing.id} rowTestId="thing" rowData={(thing) => ({ "data-symbol": thing.id })} />
  </section>
);
const shown = (): (string | undefined)[] => screen.getAllByTestId("thing").map((row) => row.dataset["symbol"]);
const head = (name: string): HTMLElement => screen.getByRole("columnheader", { name: new RegExp(name) });

beforeAll(() => startWords("en"));
beforeEach(() => {
  // jsdom has no modal dialogs.
  HTMLDialogElement.prototype.showModal = function showModal() {
    this.open = true;
  };
});
afterEach(cleanup);

it("sorts numbers by their worth, and what is not known last in either direction", () => {
  const by = (descending: boolean): string[] => sorted(things, columns, { key: "size", descending }).map((thing) => thing.id);
  expect([by(true), by(false)]).toEqual([["a", "b", "c"], ["b", "a", "c"]]);
  expect(sorted(things, columns, { key: "note", descending: true })).toBe(things); // nothing to sort by
  expect(sorted(things, columns, { key: "gone", descending: true })).toBe(things);
});

it("sorts at a press on a head, says so, and keeps it while the table is away", () => {
  const { unmount } = render(table());
  expect(shown()).toEqual(["b", "c", "a"]);
  fireEvent.click(screen.getByTestId("sort-size"));
  expect(shown()).toEqual(["a", "b", "c"]);
  expect(head("Size").getAttribute("aria-sort")).toBe("descending");
  expect(head("Name").getAttribute("aria-sort")).toBeNull();
  unmount();
  render(table());
  expect(shown()).toEqual(["a", "b", "c"]);
  fireEvent.click(screen.getByTestId("sort-size"));
  expect(shown()).toEqual(["b", "a", "c"]);
  fireEvent.click(screen.getByTestId("sort-size"));
  expect(shown()).toEqual(["b", "c", "a"]);
});

it("lets columns be put away that may be, and no others", () => {
  render(table());
  fireEvent.click(screen.getByTestId("columns-open"));
  expect(screen.queryByTestId("column-name")).toBeNull();
  expect(screen.queryByTestId("column-actions")).toBeNull();
  fireEvent.click(screen.getByTestId("column-size"));
  expect(screen.queryByRole("columnheader", { name: /Size/ })).toBeNull();
  fireEvent.click(screen.getByTestId("column-size"));
  expect(head("Size")).toBeTruthy();
});

it("shows fifty rows and the rest when asked", () => {
  const many = Array.from({ length: 120 }, (_, index) => ({ id: `t${index}`, size: "1" }));
  render(table(many));
  expect(shown()).toHaveLength(50);
  expect(screen.getByRole("table").getAttribute("aria-rowcount")).toBe("121");
  fireEvent.click(screen.getByRole("button", { name: "Load older" }));
  expect(shown()).toHaveLength(100);
});

it("opens and closes the rest of a card", () => {
  render(table());
  const [more] = screen.getAllByTestId("row-more");
  if (more === undefined) throw new Error("a card has nothing to open it");
  fireEvent.click(more);
  expect([more.getAttribute("aria-expanded"), more.closest("tr")?.className]).toEqual(["true", "open"]);
  fireEvent.click(more);
  expect([more.getAttribute("aria-expanded"), more.closest("tr")?.className]).toEqual(["false", ""]);
});

it("keeps the focus in the table when the row that had it leaves", async () => {
  const { rerender } = render(table());
  screen.getByRole("button", { name: "act on b" }).focus();
  await act(async () => rerender(table(things.slice(1))));
  expect(document.activeElement?.id).toBe("orders");
  const other = screen.getByRole("button", { name: "act on a" });
  other.focus();
  await act(async () => rerender(table(things.slice(2))));
  expect(document.activeElement).toBe(other); // another row left
});
