// @vitest-environment jsdom
import { QueryClientProvider } from "@tanstack/react-query";
import { act, cleanup, configure, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { anAccount } from "../api/fixtures";
import { NoAnswer } from "../api/errors";
import type { KillAccount, KillAnswer, KillBody, KillLatch, KillState } from "../api/types";
import { queries } from "../app/services";
import { accountsQuery, sessionQuery } from "../app/session";
import { i18next, loadWords, startWords } from "../i18n";
import { KillBanner } from "./KillBanner";
import { commandOf, KillSwitch } from "./KillSwitch";
import { killQuery } from "./queries";

const posted: KillBody[] = [];
const released: (string | null)[][] = [];
let answer: () => Promise<KillAnswer>;
let state: KillState;
vi.mock("../api/standing", async (original) => ({
  ...(await original<typeof import("../api/standing")>()),
  readKill: () => Promise.resolve(state),
  postKill: (body: KillBody) => {
    posted.push(body);
    return answer();
  },
  releaseKill: (scope: string, accountId: string | null) => {
    released.push([scope, accountId]);
    return Promise.resolve([]);
  },
}));

const latch = (change: Partial<KillLatch> = {}): KillLatch => ({ id: "k1", scope: "account", account_id: "a", close_positions: false, pulled_ms: 1, pulled_by: "u", via: "api", ...change });
const acting = (change: Partial<KillAccount> = {}): KillAccount => ({ account_id: "a", blocked: true, state: "acting", orders: 2, positions: 1, kept: 1, fault: null, detail: null, spooled: false, ...change });
const reached = (change: Partial<KillAnswer> = {}): KillAnswer => ({ latch: latch(), reached: "worker", durable: true, accounts: [acting()], ...change });

const show = (options: { role?: "owner" | "viewer"; environment?: "sim" | "live"; session?: "ready" | "degraded" } = {}): void => {
  const account = anAccount({ environment: options.environment ?? "sim", session: { state: options.session ?? "ready", reason: null, since_ms: 0 } });
  queries.setQueryData(accountsQuery.queryKey, [account]);
  queries.setQueryData(sessionQuery.queryKey, { user: { id: "u", username: "anna", is_operator: false }, workspace: { id: "w", name: "W", role: options.role ?? "owner" } } as never);
  queries.setQueryData(killQuery.queryKey, state);
  render(
    <QueryClientProvider client={queries}>
      <KillSwitch account={account} />
      <KillBanner />
    </QueryClientProvider>,
  );
};
const press = (testId: string): Promise<void> => act(async () => void fireEvent.click(screen.getByTestId(testId)));

configure({ asyncUtilTimeout: 15_000 });

beforeAll(async () => {
  await startWords("en");
  await loadWords("ru");
});
beforeEach(() => {
  // jsdom has no modal dialogs.
  HTMLDialogElement.prototype.showModal = function showModal() {
    this.open = true;
  };
  HTMLDialogElement.prototype.close = function close() {
    this.open = false;
    this.dispatchEvent(new Event("close"));
  };
  posted.length = 0;
  released.length = 0;
  state = { worker: true, latches: [], accounts: [] };
  answer = () => Promise.resolve(reached());
  queries.clear();
});
afterEach(async () => {
  cleanup();
  await i18next.changeLanguage("en");
});

it("stops this account in two presses, and keeps positions unless somebody ticks them", async () => {
  show();
  await press("kill-open");
  expect(document.activeElement).toBe(screen.getByTestId("kill-confirm"));
  expect((screen.getByTestId("kill-close") as HTMLInputElement).checked).toBe(false);
  state = { worker: true, latches: [latch()], accounts: [acting()] };
  await press("kill-confirm");
  expect(posted).toEqual([{ scope: "account", account_id: "a", close_positions: false }]);
  expect((await screen.findByTestId("kill-counts")).textContent).toBe("orders to cancel: 2, open positions: 1, stops kept: 1");
});

it("opens by Ctrl+Shift+K also while somebody types on a Russian layout, once for each press", async () => {
  show();
  const key = { code: "KeyK", key: "Л", ctrlKey: true, shiftKey: true };
  await act(async () => void fireEvent.keyDown(document.body, { ...key, repeat: true }));
  expect(screen.queryByTestId("kill-dialog")).toBeNull();
  await act(async () => void fireEvent.keyDown(document.body, key));
  expect(screen.getByTestId("kill-dialog")).toBeTruthy();
});

it("stops all accounts and closes positions where both were chosen, also with an account that is not ready", async () => {
  show({ session: "degraded" });
  await press("kill-open");
  await press("kill-scope-workspace");
  await press("kill-close");
  expect(screen.getByText(/works all the same/)).toBeTruthy();
  await press("kill-confirm");
  expect(posted).toEqual([{ scope: "workspace", account_id: null, close_positions: true }]);
});

it("names the command and the exchange when nobody answers, and can be pressed again", async () => {
  answer = () => Promise.reject(new NoAnswer(null));
  show();
  await press("kill-open");
  await press("kill-confirm");
  expect((await screen.findByTestId("kill-elsewhere")).textContent).toContain("tradewright kill --account a");
  expect(screen.getByTestId("kill-elsewhere").textContent).toContain("https://www.bybit.com");
  answer = () => Promise.resolve(reached());
  await press("kill-confirm");
  expect(posted).toHaveLength(2);
  expect(await screen.findByTestId("kill-pulled")).toBeTruthy();
});

it("says the command of what was chosen", () => {
  expect([commandOf("workspace", null, "w", true), commandOf("workspace", { id: "a" }, null, false), commandOf("account", { id: "a" }, "w", false)]).toEqual([
    "tradewright kill --workspace w --close",
    "tradewright kill --all",
    "tradewright kill --account a",
  ]);
});

it("says when it holds only in the worker's memory, and when no worker answers", async () => {
  answer = () => Promise.resolve(reached({ reached: "row", durable: false }));
  show();
  await press("kill-open");
  await press("kill-confirm");
  expect(await screen.findByText(/No worker answers now/)).toBeTruthy();
  expect(screen.getByText(/could not be written to disk/)).toBeTruthy();
});

it("lets a viewer look but not stop", async () => {
  show({ role: "viewer" });
  await press("kill-open");
  expect((screen.getByTestId("kill-confirm") as HTMLButtonElement).disabled).toBe(true);
});

it("stands above every screen with who, scope and what is open, counted by the newest word", async () => {
  state = { worker: true, latches: [latch()], accounts: [acting({ orders: null })] };
  show();
  expect(screen.getByTestId("kill-banner").textContent).toContain("account Simulated");
  expect(screen.getByTestId("kill-banner").textContent).toContain("by you");
  expect(screen.getByTestId("kill-open-count").textContent).toContain("being read");
  act(() => void queries.setQueryData(killQuery.queryKey, { ...state, accounts: [acting({ orders: 0, positions: 0, state: "done" })] }));
  await waitFor(() => expect(screen.getByTestId("kill-open-count").textContent).toBe("Orders to cancel: 0, open positions: 0."));
});

it("is released by its own scope after a second look, and with real money only after a typed word", async () => {
  state = { worker: true, latches: [latch()], accounts: [acting()] };
  show({ environment: "live" });
  await press("kill-details");
  expect((screen.getByTestId("kill-release") as HTMLButtonElement).disabled).toBe(true);
  await act(async () => void fireEvent.change(screen.getByTestId("release-typed"), { target: { value: "live" } }));
  await press("kill-release");
  await waitFor(() => expect(released).toHaveLength(1));
  expect(released).toEqual([["account", "a"]]);
});

it("speaks Russian", async () => {
  await i18next.changeLanguage("ru");
  state = { worker: true, latches: [latch({ scope: "workspace", account_id: null, via: "cli", pulled_by: null })], accounts: [acting()] };
  show();
  expect(screen.getByTestId("kill-open").textContent).toBe("СТОП");
  expect(screen.getByTestId("kill-banner").textContent).toContain("все счета");
  expect(screen.getByTestId("kill-banner").textContent).toContain("командная строка");
});
