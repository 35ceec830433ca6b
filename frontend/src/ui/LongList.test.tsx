// @vitest-environment jsdom
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { LongList } from "./LongList";

const ROW_PX = 30;
const WINDOW_PX = 600;

beforeEach(() => {
  vi.stubGlobal("ResizeObserver", class {
    observe(): void {}
    disconnect(): void {}
  });
  // A browser that lays rows out: the frame is as high as its window, each row as the estimate.
  vi.spyOn(HTMLElement.prototype, "clientHeight", "get").mockReturnValue(WINDOW_PX);
  vi.spyOn(HTMLElement.prototype, "scrollHeight", "get").mockImplementation(function (this: HTMLElement) {
    return Number.parseFloat(this.querySelector<HTMLElement>("[role=list]")?.style.height ?? "0");
  });
  vi.spyOn(HTMLElement.prototype, "offsetHeight", "get").mockImplementation(function (this: HTMLElement) {
    return this.role === "listitem" || this.getAttribute("role") === "listitem" ? ROW_PX : 0;
  });
});
afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

const keyOf = (row: number): number => row;
const follow = vi.fn();
const top = vi.fn();
const list = (rows: readonly number[]) => (
  <LongList label="events" rows={rows} keyOf={keyOf} estimate={ROW_PX} testId="list" rowTestId="row" head={null} toEnd={0} onFollow={follow} onTop={top}>
    {(row) => `row ${row}`}
  </LongList>
);
const numbers = (count: number, from = 0): readonly number[] => Array.from({ length: count }, (_, at) => from + at);
const drawnRows = (): number[] => screen.getAllByTestId("row").map((row) => Number(row.dataset["key"]));
const scrollTo = (y: number): void => {
  const frame = screen.getByTestId("list");
  frame.scrollTop = y;
  fireEvent.scroll(frame);
};

it("draws some tens of a hundred thousand rows, the newest first, and says how many there are", () => {
  render(list(numbers(100_000)));
  expect(drawnRows().length).toBeLessThan(60);
  expect(drawnRows().at(-1)).toBe(99_999);
  expect(screen.getAllByTestId("row")[0]?.getAttribute("aria-setsize")).toBe("100000");
  scrollTo(0);
  expect(drawnRows()[0]).toBe(0);
  expect(drawnRows().length).toBeLessThan(60);
  expect(top).toHaveBeenCalled();
});

it("follows what comes until somebody scrolls away, and then keeps what is under the eye in its place", () => {
  const { rerender } = render(list(numbers(1_000, 500)));
  rerender(list(numbers(1_100, 500)));
  expect(drawnRows().at(-1)).toBe(1_599);
  scrollTo(300 * ROW_PX);
  expect(follow).toHaveBeenLastCalledWith(false);
  const seen = drawnRows();
  // New ones at the end, and five hundred older ones above.
  rerender(list(numbers(1_200, 500)));
  expect(drawnRows()).toEqual(seen);
  rerender(list(numbers(1_700)));
  expect(drawnRows()).toEqual(seen);
});
