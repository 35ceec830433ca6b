// @vitest-environment jsdom
import { beforeAll, expect, it } from "vitest";
import { aFill, anInstrument, anOrder } from "../api/fixtures";
import type { IntentHistory } from "../api/types";
import { i18next, startWords } from "../i18n";
import { stepsOf } from "./Trace";

beforeAll(() => startWords("en"));

const request = (change: Partial<IntentHistory["requests"][number]>): IntentHistory["requests"][number] => ({
  attempt: 1,
  created_ms: 20,
  signed_ms: 21,
  answered_ms: null,
  outcome: null,
  exchange_code: null,
  exchange_text: null,
  ...change,
});

it("puts intent, verdict, each request with its answer, the order's states and its fills in time order", () => {
  const history = {
    history: [
      { status: "sending", time_ms: 10, source: "manual" },
      { status: "working", time_ms: 60, source: "stream" },
    ],
    verdict: [],
    requests: [
      request({ answered_ms: 30, outcome: "unknown" }),
      request({ attempt: 2, created_ms: 40, answered_ms: 50, outcome: "refused", exchange_code: 110007, exchange_text: "not enough" }),
    ],
  } as unknown as IntentHistory;
  const steps = stepsOf(i18next.getFixedT("en", "page"), anOrder(), history, [aFill({ time_ms: 70 })], anInstrument(), "en");
  expect(steps.map((step) => step.key.split(":")[0])).toEqual(["intent", "request", "answer", "request", "answer", "order", "fill"]);
  expect(steps[2]).toMatchObject({ what: "Answer to request 1", detail: "no answer", tone: "caution" });
  expect(steps[4]?.detail).toContain("refused, code 110007");
  expect(steps[4]?.detail).toContain("not enough");
});

it("shows a request that nobody has answered yet without an answer, and one that was not signed as not sent", () => {
  const history = { history: [{ status: "sending", time_ms: 10, source: "manual" }], verdict: null, requests: [request({ signed_ms: null })] } as unknown as IntentHistory;
  const steps = stepsOf(i18next.getFixedT("en", "page"), anOrder(), history, [], null, "en");
  expect(steps.map((step) => [step.what, step.detail])).toEqual([
    ["Asked", null],
    ["Request 1", "written down, not sent yet"],
  ]);
});
