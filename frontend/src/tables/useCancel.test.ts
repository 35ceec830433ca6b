// @vitest-environment jsdom
import { act, cleanup, renderHook } from "@testing-library/react";
import { afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { anOrder } from "../api/fixtures";
import { NoAnswer, readProblem, Refused } from "../api/errors";
import type { Intent, IntentAnswer, IntentHistory } from "../api/types";
import { notices } from "../app/services";
import { startWords } from "../i18n";
import { useCancel } from "./useCancel";

const posted: Intent[] = [];
let answer: () => Promise<IntentAnswer>;
let found: () => Promise<IntentHistory>;
vi.mock("../api/calls", async (original) => ({
  ...(await original<typeof import("../api/calls")>()),
  postIntent: (_account: string, body: Intent) => {
    posted.push(body);
    return answer();
  },
  readIntent: () => found(),
}));
const order = anOrder();
const lost = (): Promise<never> => Promise.reject(new NoAnswer(null));
const told = (): string[] => notices.toasts.get().map((toast) => toast.title);
const pass = (ms: number): Promise<void> => act(async () => void (await vi.advanceTimersByTimeAsync(ms)));

beforeAll(() => startWords("en"));
beforeEach(() => {
  vi.useFakeTimers();
  posted.length = 0;
  notices.clear();
});
afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

it("keeps saying that it is cancelling while nobody knows, until the server is found to have it", async () => {
  answer = lost;
  found = lost;
  const { result } = renderHook(() => useCancel("a"));
  act(() => result.current.cancel(order));
  expect([...result.current.asking]).toEqual(["o1"]);
  expect(result.current.checking.size).toBe(0);
  await pass(0);
  expect([[...result.current.asking], [...result.current.checking]]).toEqual([["o1"], ["o1"]]);
  expect(told()).toEqual([expect.stringContaining("No answer to the cancel")]);
  await pass(9_000); // the server is still away
  expect([...result.current.checking]).toEqual(["o1"]);
  found = () => Promise.resolve({} as IntentHistory);
  await pass(3_000);
  expect([result.current.asking.size, result.current.checking.size, told()]).toEqual([0, 0, []]);
  expect(posted).toHaveLength(1); // asked for once: it is never sent again by itself
});

it("says that the server has not seen it, and asks for the same cancel when pressed again", async () => {
  answer = lost;
  found = () => Promise.reject(new Refused(readProblem(404, { code: "not_found" })));
  const { result } = renderHook(() => useCancel("a"));
  act(() => result.current.cancel(order));
  await pass(3_000);
  expect([result.current.asking.size, told()]).toEqual([0, [expect.stringContaining("has not seen the cancel")]]);
  answer = () => Promise.resolve({ order: null, reason: null } as unknown as IntentAnswer);
  act(() => result.current.cancel(order));
  await pass(0);
  expect(posted[1]).toEqual(posted[0]);
});

it("tells why a cancel was refused, and makes a new one the next time", async () => {
  answer = () => Promise.reject(new Refused(readProblem(409, { code: "order.ended" })));
  const { result } = renderHook(() => useCancel("a"));
  act(() => result.current.cancel(order));
  await pass(0);
  expect([result.current.asking.size, told()]).toEqual([0, [expect.stringContaining("The order has already ended.")]]);
  act(() => result.current.cancel(order));
  await pass(0);
  expect(posted[1]).not.toEqual(posted[0]);
});
