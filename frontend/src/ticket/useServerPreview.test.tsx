// @vitest-environment jsdom
import { act, cleanup, renderHook } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Preview, PreviewBody } from "../api/types";
import { BLANK, type TicketFields } from "./fields";
import { ASK_AFTER_MS, useServerPreview } from "./useServerPreview";

type Asked = { body: PreviewBody; signal: AbortSignal; answer: (preview: Preview) => void; fail: () => void };
const asked: Asked[] = [];
vi.mock("../api/calls", () => ({
  previewOrder: (_account: string, body: PreviewBody, signal: AbortSignal) =>
    new Promise<Preview>((resolve, reject) => {
      asked.push({ body, signal, answer: resolve, fail: () => reject(new Error("no answer")) });
    }),
}));

const body = (quantity: string) => ({ quantity }) as PreviewBody;
const said = (quantity: string) => ({ quantity, problems: [], warnings: [] }) as unknown as Preview;
const typed = (quantity: string): TicketFields => ({ ...BLANK, quantity });
const render = (first: TicketFields) =>
  renderHook(({ fields, asks }: { fields: TicketFields; asks: boolean }) => useServerPreview("a", "BTC", fields, body(fields.quantity), asks), {
    initialProps: { fields: first, asks: true },
  });
const pass = (ms: number): Promise<void> =>
  act(async () => {
    await vi.advanceTimersByTimeAsync(ms);
  });
const last = (): Asked => {
  const question = asked.at(-1);
  if (question === undefined) throw new Error("nothing was asked");
  return question;
};

beforeEach(() => {
  vi.useFakeTimers();
  asked.length = 0;
});
afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

it("asks once, 250 ms after the last of several edits", async () => {
  const hook = render(typed("1"));
  await pass(ASK_AFTER_MS - 50);
  hook.rerender({ fields: typed("2"), asks: true });
  await pass(ASK_AFTER_MS - 50);
  expect(asked).toEqual([]);
  await pass(50);
  expect(asked.map((each) => each.body.quantity)).toEqual(["2"]);
});

it("drops an answer to what stood there before, and ends the question", async () => {
  const before = typed("1");
  const hook = render(before);
  await pass(ASK_AFTER_MS);
  const first = last();
  await act(async () => first.answer(said("1")));
  expect(hook.result.current).toMatchObject({ preview: { quantity: "1" }, first: true });
  await pass(3000);
  const second = last();
  expect(second).not.toBe(first);
  hook.rerender({ fields: typed("2"), asks: true });
  expect(hook.result.current).toBeNull();
  expect(second.signal.aborted).toBe(true);
  await act(async () => second.answer(said("1")));
  expect(hook.result.current).toBeNull();
});

it("asks again as the market moves, and says which answer was the first", async () => {
  const hook = render(typed("1"));
  await pass(ASK_AFTER_MS);
  await act(async () => last().answer(said("1")));
  await pass(3000);
  await act(async () => last().answer(said("1")));
  expect(asked).toHaveLength(2);
  expect(hook.result.current?.first).toBe(false);
});

it("leaves the page's own numbers when nobody answers, and asks nothing while there is nothing to ask", async () => {
  const hook = render(typed("1"));
  await pass(ASK_AFTER_MS);
  await act(async () => last().fail());
  expect(hook.result.current).toBeNull();
  hook.rerender({ fields: typed("2"), asks: false });
  await pass(60_000);
  expect(asked).toHaveLength(1);
});
