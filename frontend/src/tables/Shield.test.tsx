// @vitest-environment jsdom
import { act, cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeAll, expect, it, vi } from "vitest";
import { anInstrument, aPosition } from "../api/fixtures";
import type { Protection } from "../api/types";
import { startWords } from "../i18n";
import { Shield } from "./Shield";

const onSet = vi.fn<() => void>();
const show = (protection: Protection | null): string => {
  render(<Shield position={aPosition({ protection })} instrument={anInstrument()} onSet={onSet} />);
  return screen.getByTestId("shield").textContent.replaceAll("\u202f", " ");
};
const being = (change: Partial<Protection>): Protection => ({ state: "protected", stop: "59200", naked_since_ms: null, naked_ms_total: 0, why: null, ...change });

beforeAll(() => startWords("en"));
afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

it("says protected with the stop's price, and no stop where none was asked", () => {
  expect(show(being({}))).toContain("Protected 59 200");
  cleanup();
  expect(show(null)).toContain("no stop");
});

it("says naked with a running time, why where that says more, and offers to set the stop", async () => {
  vi.useFakeTimers();
  vi.setSystemTime(100_000);
  expect(show(being({ state: "naked", naked_since_ms: 58_000, why: "protection.missing" }))).toBe(" Naked0:42Set stop");
  await act(async () => void (await vi.advanceTimersByTimeAsync(3_000)));
  expect(screen.getByRole("timer").textContent).toBe("0:45");
  fireEvent.click(screen.getByTestId("shield-set"));
  expect(onSet).toHaveBeenCalledOnce();
});

it("tells repairing from flattening by word and drawing, not by colour alone", () => {
  const seen = (["naked", "repairing", "flattening", "protected"] as const).map((state) => {
    const text = show(being({ state }));
    const drawing = screen.getByTestId("shield").querySelector("svg")?.innerHTML;
    cleanup();
    return { text, drawing };
  });
  expect(new Set(seen.map((each) => each.text)).size).toBe(4);
  expect(new Set(seen.map((each) => each.drawing)).size).toBe(4);
});
