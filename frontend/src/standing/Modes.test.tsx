// @vitest-environment jsdom
import { QueryClientProvider } from "@tanstack/react-query";
import { act, cleanup, fireEvent, render, screen, within } from "@testing-library/react";
import { afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { NoAnswer } from "../api/errors";
import { anAccount } from "../api/fixtures";
import type { Account, Intent, IntentAnswer } from "../api/types";
import { queries } from "../app/services";
import { startWords } from "../i18n";
import { Modes } from "./Modes";

const posted: Intent[] = [];
let answer: () => Promise<IntentAnswer>;
vi.mock("../api/calls", async (original) => ({
  ...(await original<typeof import("../api/calls")>()),
  postIntent: (_account: string, body: Intent) => {
    posted.push(body);
    return answer();
  },
}));
const said = (status: string, reason: IntentAnswer["reason"] = null): IntentAnswer => ({ intent_id: "i", kind: "margin_mode", status, order: null, position: null, reason }) as IntentAnswer;

const page = (account: Account, mayTrade: boolean) => (
  <QueryClientProvider client={queries}>
    <Modes account={account} bar={mayTrade ? null : "viewer"} />
  </QueryClientProvider>
);
const show = (change: Partial<Account> = {}, mayTrade = true) => render(page(anAccount(change), mayTrade));
const press = (testId: string): Promise<void> => act(async () => void fireEvent.click(screen.getByTestId(testId)));
const isClosed = (testId: string): string | null => screen.getByTestId(testId).getAttribute("aria-disabled");
const margin = () => within(screen.getByTestId("margin-mode"));

beforeAll(() => startWords("en"));
beforeEach(() => {
  posted.length = 0;
  answer = () => Promise.resolve(said("acknowledged"));
});
afterEach(cleanup);

it("asks for a margin mode and calls it set only when the account itself says so", async () => {
  const { rerender } = show();
  expect(isClosed("margin-mode-set")).toBe("true"); // nothing chosen: nothing to ask
  await press("margin-isolated");
  await press("margin-mode-set");
  expect(posted).toMatchObject([{ kind: "margin_mode", mode: "ISOLATED_MARGIN" }]);
  expect(screen.getByTestId("margin-mode-now").textContent).toBe("cross");
  expect(margin().getByRole("status").textContent).toContain("once it is read back");
  rerender(page(anAccount({ margin_mode: "ISOLATED_MARGIN" }), true));
  expect(screen.getByTestId("margin-mode-now").textContent).toBe("isolated");
  expect(margin().queryByRole("status")).toBeNull();
  expect(isClosed("margin-mode-set")).toBe("true");
});

it("asks for the position mode of one contract, and of nothing that is no symbol", async () => {
  show();
  fireEvent.change(screen.getByTestId("position-mode-symbol"), { target: { value: "?" } });
  await press("position-mode-set");
  expect(posted).toEqual([]);
  fireEvent.change(screen.getByTestId("position-mode-symbol"), { target: { value: " ethusdt" } });
  await press("position-mode-set");
  expect(posted).toMatchObject([{ kind: "position_mode", category: "linear", symbol: "ETHUSDT", mode: "hedge" }]);
});

it("says why the exchange refused it", async () => {
  answer = () => Promise.resolve(said("refused", { code: "account.not_flat", params: {}, exchange_code: 110024, exchange_text: "You have an existing position" }));
  show();
  await press("position-mode-set");
  expect(screen.getByRole("alert").textContent).toContain("You have an existing position");
});

it("asks by the same id after an answer that did not come, so that nothing is asked twice", async () => {
  answer = () => Promise.reject(new NoAnswer("gone"));
  show();
  await press("margin-isolated");
  await press("margin-mode-set");
  expect(screen.getByTestId("margin-mode-set").textContent).toBe("Ask again");
  await press("margin-mode-set");
  expect(posted).toHaveLength(2);
  expect(posted[1]?.id).toBe(posted[0]?.id);
});

it("takes a typed word where real money is", async () => {
  show({ environment: "live" });
  await press("margin-isolated");
  await press("margin-mode-set");
  await press("position-mode-set");
  expect(posted).toEqual([]);
  fireEvent.change(margin().getByTestId("mode-typed"), { target: { value: "live " } });
  await press("margin-mode-set");
  expect(posted).toMatchObject([{ kind: "margin_mode" }]);
});

it("is closed to a viewer, and where the account cannot, and says which", () => {
  show({}, false);
  expect(screen.getByText(/^Your role/)).toBeTruthy();
  expect(isClosed("position-mode-set")).toBe("true");
  cleanup();
  show({ capabilities: { ...anAccount().capabilities, can_set_margin_mode: false, can_set_position_mode: false } });
  expect(isClosed("position-mode-set")).toBe("true");
  expect(margin().queryByText(/only while it has no position/)).toBeNull();
});
