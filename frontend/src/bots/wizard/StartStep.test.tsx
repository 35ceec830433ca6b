// @vitest-environment jsdom
import { QueryClientProvider } from "@tanstack/react-query";
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { useState } from "react";
import { afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { readProblem, Refused } from "../../api/errors";
import { aRun } from "../../api/fixtures";
import type { Bot, NewRun, Run, SpecChecked, StartChecks } from "../../api/types";
import { queries } from "../../app/services";
import { accountsQuery, instrumentsQuery } from "../../app/session";
import { startWords } from "../../i18n";
import { botQuery } from "../queries";
import { fresh, markOf, settingsOf, type Draft } from "./draft";
import { StartStep } from "./StartStep";

const asked: NewRun[] = [];
const went: unknown[] = [];
let checks: StartChecks;
let answer: () => Promise<Run>;
vi.mock("@tanstack/react-router", async (original) => ({
  ...(await original<typeof import("@tanstack/react-router")>()),
  useNavigate: () => (to: unknown) => Promise.resolve(went.push(to)),
}));
vi.mock("../../api/bots", () => ({
  readStartChecks: () => Promise.resolve(checks),
  startRun: (_bot: string, request: NewRun) => {
    asked.push(request);
    return answer();
  },
}));

const CHECKED: SpecChecked = {
  ok: true,
  errors: [],
  warnings: [],
  facts: null,
  spec: { name: "RSI", description: "", kind: "signal", category: "linear", symbol: "BTCUSDT", timeframe: "1m", params: [], sha256: "0" },
};
const BOT: Bot = {
  id: "b1",
  name: "Dip",
  state: "ready",
  version: 1,
  created_by: "u",
  created_ms: 1,
  updated_ms: 1,
  archived_ms: null,
  current: {
    id: "v1",
    number: 3,
    spec: { version_id: "s1", strategy_id: "s", strategy_name: "RSI", number: 1, name: "RSI", sha256: "0" },
    params: [],
    account_id: "a",
    account_name: "Main",
    environment: "live",
    category: "linear",
    symbol: "BTCUSDT",
    capital: "1000",
    limits: { max_loss: "50", max_position: null, max_orders_a_minute: 60 },
    duration_ms: 900_000,
    at_end: "close",
    created_by: "u",
    created_ms: 1,
  },
  newest_run: null,
};
let count = 0;
const newId = (): string => `id-${(count += 1)}`;

function Step({ first }: { first: Draft }) {
  const [draft, setDraft] = useState(first);
  return (
    <QueryClientProvider client={queries}>
      <StartStep draft={draft} change={(part) => setDraft((old) => ({ ...old, ...(typeof part === "function" ? part(old) : part) }))} checked={CHECKED} bot={null} onDone={() => undefined} />
    </QueryClientProvider>
  );
}

/** The wizard's last step with a bot that has just these settings. */
async function shown(): Promise<void> {
  const draft: Draft = { ...fresh(newId), text: "kind: signal", kept: { text: "kind: signal", versionId: "s1", strategyId: "s", number: 1 }, accountId: "a", maxLoss: "50", name: "Dip" };
  const settings = settingsOf(draft, CHECKED, "s1");
  if (settings === null) throw new Error("the settings are whole");
  render(<Step first={{ ...draft, bot: { id: "b1", version: 1, mark: markOf(draft, settings) } }} />);
  await screen.findByTestId("wizard-start");
}
const start = (): HTMLButtonElement => screen.getByTestId("wizard-start");
const type = (testId: string, text: string): boolean => fireEvent.change(screen.getByTestId(testId), { target: { value: text } });

beforeAll(() => startWords("en"));
beforeEach(() => {
  [asked.length, went.length] = [0, 0];
  answer = () => Promise.resolve(aRun({ id: "r9", bot_id: "b1" }));
  checks = { bot_version: 3, environment: "sim", checks: [{ name: "strategy", verdict: "pass", code: null, params: {} }], confirmation: null, untested: [] };
  queries.clear();
  queries.setQueryData(accountsQuery.queryKey, []);
  queries.setQueryData(instrumentsQuery("sim", "linear").queryKey, []);
  queries.setQueryData(botQuery("b1").queryKey, BOT);
});
afterEach(cleanup);

it("starts what was shown, by the number of its settings, and leads to the run", async () => {
  await shown();
  fireEvent.click(start());
  await waitFor(() => expect(went).toEqual([{ to: "/bots/$bot/runs/$run", params: { bot: "b1", run: "r9" } }]));
  expect(asked).toEqual([{ id: expect.stringMatching(/^id-/), bot_version: 3, start_at_ms: null, confirmation: null, untested: null }]);
});

it("starts nothing while something blocks, and says what", async () => {
  checks = { ...checks, checks: [{ name: "arming", verdict: "block", code: "run.not_armed", params: { account: "Main" } }] };
  await shown();
  expect(start().disabled).toBe(true);
  expect(screen.getByTestId("start-check").textContent).toContain("The account Main is not armed for real money.");
  fireEvent.click(start());
  expect(asked).toEqual([]);
});

it("asks with real money for the bot's name, and without a trial for one word more", async () => {
  checks = {
    ...checks,
    environment: "live",
    confirmation: "Dip",
    untested: ["UNTESTED", "БЕЗ ПРОВЕРКИ"],
    checks: [{ name: "evidence", verdict: "block", code: "run.untested", params: { en: "UNTESTED", ru: "БЕЗ ПРОВЕРКИ" } }],
  };
  await shown();
  expect(start().disabled).toBe(true);
  type("start-name", "dip");
  expect(start().disabled).toBe(true);
  type("start-untested", "UNTESTD");
  expect(start().disabled).toBe(true);
  type("start-untested", " untested ");
  expect(start().disabled).toBe(false);
  type("start-name", "Dap");
  expect(start().disabled).toBe(true);
  type("start-name", "Dip");
  fireEvent.click(start());
  await waitFor(() => expect(asked).toMatchObject([{ confirmation: "Dip", untested: " untested " }]));
});

it("asks again by the same id after a lost answer, and by another one after a refusal", async () => {
  answer = () => Promise.reject(new Error("nobody answered"));
  await shown();
  fireEvent.click(start());
  await screen.findByTestId("wizard-fault");
  answer = () => Promise.reject(new Refused(readProblem(422, { code: "input.invalid", problems: [{ code: "run.killed", field: null, params: { account: "Main" } }] })));
  fireEvent.click(start());
  await waitFor(() => expect(screen.getByTestId("wizard-fault").textContent).toContain("Release the stop first."));
  answer = () => Promise.resolve(aRun({ id: "r9", bot_id: "b1" }));
  fireEvent.click(start());
  await waitFor(() => expect(went.length).toBe(1));
  expect(asked[1]?.id).toBe(asked[0]?.id);
  expect(asked[2]?.id).not.toBe(asked[1]?.id);
});

it("wants to be saved again when anything differs from what was saved", async () => {
  await shown();
  type("wizard-name", "Dip 2");
  expect(screen.queryByTestId("wizard-start")).toBeNull();
  expect(screen.getByTestId<HTMLButtonElement>("wizard-save").disabled).toBe(false);
});
