// @vitest-environment jsdom
import { QueryClientProvider } from "@tanstack/react-query";
import { act, cleanup, configure, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { readProblem, Refused } from "../api/errors";
import type { LimitsBody, LimitsState, RateBudget } from "../api/types";
import { queries } from "../app/services";
import { i18next, loadWords, startWords } from "../i18n";
import { problemText } from "../i18n/words";
import { Budget } from "./Budget";
import { Limits } from "./Limits";
import { budgetQuery, limitsQuery } from "./queries";

const posted: LimitsBody[] = [];
let answer: () => Promise<LimitsState>;
let budget: RateBudget;
const state = (used: string | null = "4"): LimitsState => ({
  limits: [
    { name: "order_notional", allowed: "100000.123456", level: "workspace", used: null },
    { name: "open_orders", allowed: "5", level: "account", used },
    { name: "daily_loss", allowed: null, level: "installation", used: null },
  ],
  symbols: ["BTCUSDT", "ETHUSDT"],
  symbols_level: "workspace",
  levels: [
    { level: "installation", limits: [{ name: "daily_loss", value: null }], symbols: null },
    { level: "workspace", limits: [{ name: "order_notional", value: "100000.123456" }], symbols: ["BTCUSDT", "ETHUSDT"] },
    { level: "account", limits: [{ name: "open_orders", value: "5" }], symbols: null },
  ],
});
vi.mock("../api/standing", async (original) => ({
  ...(await original<typeof import("../api/standing")>()),
  readLimits: () => Promise.resolve(state()),
  readBudget: () => Promise.resolve(budget),
  putLimits: (_account: string, body: LimitsBody) => {
    posted.push(body);
    return answer();
  },
}));
const show = async (change: { maySet?: boolean; isOperator?: boolean } = {}): Promise<void> => {
  queries.setQueryData(limitsQuery("a").queryKey, state());
  queries.setQueryData(budgetQuery("a").queryKey, budget);
  await act(async () => {
    render(
      <QueryClientProvider client={queries}>
        <Limits accountId="a" maySet={change.maySet ?? true} isOperator={change.isOperator ?? false} />
        <Budget accountId="a" />
      </QueryClientProvider>,
    );
  });
};
const row = (name: string): string => (document.querySelector(`[data-limit=${name}]`)?.textContent ?? "").replaceAll("\u202f", " ");
const press = (testId: string): Promise<void> => act(async () => void fireEvent.click(screen.getByTestId(testId)));

configure({ asyncUtilTimeout: 15_000 });

beforeAll(async () => {
  // jsdom has no modal dialogs.
  HTMLDialogElement.prototype.showModal = function showModal() {
    this.open = true;
  };
  await startWords("en");
  await loadWords("ru");
});
beforeEach(() => {
  posted.length = 0;
  queries.clear();
  answer = () => Promise.resolve(state("1"));
  budget = { told_ms: 1, endpoints: [], address_used: 3, address_limit: 100, silent_until_ms: null };
});
afterEach(async () => {
  cleanup();
  await i18next.changeLanguage("en");
});

it("shows each limit with its use, its level and its unit, and says in words which is nearly used up", async () => {
  await show();
  expect(row("open_orders")).toContain("4 · nearly used up5account");
  expect(row("order_notional")).toContain("—100 000.1235workspace");
  expect(row("daily_loss")).toContain("no limitinstallation");
  expect(row("symbols")).toContain("BTCUSDT, ETHUSDT");
});

it("sets what one level says, whole, with every digit, and leaves out what is empty", async () => {
  await show();
  await press("limits-edit");
  await press("limits-level-workspace");
  fireEvent.change(screen.getByTestId("limit-open_orders"), { target: { value: "7" } });
  fireEvent.change(screen.getByTestId("limit-symbols"), { target: { value: "btcusdt" } });
  await press("limits-save");
  expect(posted).toEqual([
    {
      level: "workspace",
      limits: [
        { name: "order_notional", value: "100000.123456" },
        { name: "open_orders", value: "7" },
      ],
      symbols: ["BTCUSDT"],
      confirmations: [],
    },
  ]);
  await waitFor(() => expect(screen.queryByTestId("limits-form")).toBeNull());
  expect(row("open_orders")).toContain("1");
});

it("keeps a level's own word of no limit, which only the operator sees", async () => {
  await show({ isOperator: true });
  await press("limits-edit");
  await press("limits-level-installation");
  await press("limits-save");
  expect(posted).toEqual([{ level: "installation", limits: [{ name: "daily_loss", value: null }], symbols: null, confirmations: [] }]);
});

it("sends nothing that is no number, and says what the server refused by the limit's name", async () => {
  await show();
  await press("limits-edit");
  fireEvent.change(screen.getByTestId("limit-open_orders"), { target: { value: "many" } });
  await press("limits-save");
  expect(posted).toEqual([]);
  answer = () => Promise.reject(new Refused(readProblem(422, { code: "input.invalid", problems: [{ code: "limits.below", field: "limits.0.value", params: { name: "open_orders", minimum: "0", value: "0" } }] })));
  fireEvent.change(screen.getByTestId("limit-open_orders"), { target: { value: "0" } });
  await press("limits-save");
  expect((await screen.findByTestId("limits-fault")).textContent).toBe("Limit Open orders must be above 0; this is 0.");
});

it("asks for the name of each limit that allows more, and the word of real money, before it is sent again", async () => {
  const questions = [
    { code: "limits.confirmation_needed", field: "confirmations", params: { name: "open_orders", before: "5", after: "7.5" } },
    { code: "limits.confirmation_needed", field: "confirmations", params: { name: "symbols" } },
    { code: "limits.live_needed", field: "confirmations", params: { en: "LIVE", ru: "ЛАЙВ" } },
  ];
  answer = () => Promise.reject(new Refused(readProblem(422, { code: "input.invalid", problems: questions })));
  await show();
  await press("limits-edit");
  await press("limits-save");
  const dialog = await screen.findByTestId("loosening");
  expect(screen.queryByTestId("limits-fault")).toBeNull();
  expect(dialog.textContent).toContain("5 → 7.5");
  const type = (key: string, text: string): boolean => fireEvent.change(screen.getByTestId(`loosen-${key}`), { target: { value: text } });
  type("open_orders", "open orders ");
  type("symbols", "Allowed symbols");
  await press("loosen-submit");
  expect(posted).toHaveLength(1);
  type("limits.live_needed", "live");
  answer = () => Promise.resolve(state("1"));
  await press("loosen-submit");
  expect(posted[1]).toMatchObject({ level: "account", confirmations: ["open_orders", "symbols", "LIVE"] });
  await waitFor(() => expect(screen.queryByTestId("limits-form")).toBeNull());
});

it("lets only the owner set them", async () => {
  await show({ maySet: false });
  expect((screen.getByTestId("limits-edit") as HTMLButtonElement).disabled).toBe(true);
});

it("shows used and allowed of each class of requests, what is closed, and until when all is silent", async () => {
  budget = { ...budget, silent_until_ms: Date.now() + 60_000, endpoints: [{ path: "/v5/order/create", used: 9, limit: 10, waiting: 2, is_closed: true, resets_ms: 5 }] };
  await show();
  const text = screen.getByTestId("budget").textContent;
  expect(text).toContain("3 / 100");
  expect(text).toContain("9 / 10 · closed until");
  expect(screen.getByTestId("budget-silent").textContent).toContain("Nothing is sent until");
});

it("says a refusal with its numbers and its level in the reader's language", async () => {
  const params = { value: "120000", allowed: "100000", level: "workspace" };
  expect(problemText(i18next.getFixedT("en", "page"), "risk.order_notional", params, "en").replaceAll("\u202f", " ")).toBe("The order is worth 120 000; at most 100 000 is allowed (workspace).");
  await i18next.changeLanguage("ru");
  expect(problemText(i18next.getFixedT("ru", "page"), "risk.order_notional", params, "ru")).toContain("(пространство)");
});
