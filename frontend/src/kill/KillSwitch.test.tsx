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
import { HOLD_MS } from "../ui/HoldButton";
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

const show = (options: { role?: "owner" | "viewer"; environment?: "sim" | "live"; session?: "ready" | "degraded"; readOnly?: boolean } = {}): void => {
  const account = anAccount({ environment: options.environment ?? "sim", read_only: options.readOnly ?? false, session: { state: options.session ?? "ready", reason: null, since_ms: 0 } });
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
// What waits for an answer goes on by the real clock.
const ONLY_HOLD = { toFake: ["setInterval", "clearInterval"] as ("setInterval" | "clearInterval")[] };
/** By the clock of the test: a page that has to wait 1.5 s for each stop waits here for none. */
const hold = async (ms = HOLD_MS, key: string | null = null): Promise<void> => {
  vi.useFakeTimers(ONLY_HOLD);
  const button = screen.getByTestId("kill-confirm");
  await act(async () => void (key === null ? fireEvent.pointerDown(button, { button: 0 }) : fireEvent.keyDown(button, { key })));
  await act(async () => void vi.advanceTimersByTime(ms));
  vi.useRealTimers();
  await act(async () => {
    const there = screen.queryByTestId("kill-confirm");
    if (there !== null && ms < HOLD_MS) void (key === null ? fireEvent.pointerUp(there) : fireEvent.keyUp(there, { key }));
  });
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

it("stops this account when its button is held, and keeps positions unless somebody ticks them", async () => {
  show();
  await press("kill-open");
  expect(document.activeElement).toBe(screen.getByTestId("kill-confirm"));
  expect((screen.getByTestId("kill-close") as HTMLInputElement).checked).toBe(false);
  state = { worker: true, latches: [latch()], accounts: [acting()] };
  await hold();
  expect(posted).toEqual([{ scope: "account", account_id: "a", close_positions: false }]);
  expect((await screen.findByTestId("kill-counts")).textContent).toBe("orders to cancel: 2, open positions: 1, stops kept: 1");
});

it.each([
  ["Enter", "Enter"],
  ["Space", " "],
])("stops with %s held down", async (_name, key) => {
  show();
  await press("kill-open");
  await hold(HOLD_MS, key);
  expect(posted).toHaveLength(1);
});

it("stops nothing when it is let go too early, and says so", async () => {
  show();
  await press("kill-open");
  await hold(HOLD_MS - 100);
  expect(screen.getByTestId("kill-told").textContent).toMatch(/^Let go too early: nothing was stopped/);
  await hold(HOLD_MS - 100, "Enter");
  expect(screen.getByTestId("kill-confirm").dataset["held"]).toBe("false");
  expect(posted).toEqual([]);
});

it("tells how far the hold is, in words and by a bar that needs no motion", async () => {
  vi.useFakeTimers(ONLY_HOLD);
  show();
  await press("kill-open");
  const button = screen.getByTestId("kill-confirm");
  act(() => void fireEvent.pointerDown(button, { button: 0 }));
  expect(screen.getByTestId("kill-told").textContent).toBe("Keep holding for a second and a half.");
  expect(button.textContent).toBe("Keep holding…");
  const scale = (): number => Number(/scaleX\((.+)\)/.exec((button.firstElementChild as HTMLElement).style.transform)?.[1]);
  const begun = scale();
  act(() => void vi.advanceTimersByTime(HOLD_MS / 2));
  expect(scale()).toBeGreaterThan(begun);
  vi.useRealTimers();
  fireEvent.pointerUp(button);
});

it.each([
  ["the finger leaves the button", (button: HTMLElement) => fireEvent.pointerLeave(button)],
  ["the system takes the touch", (button: HTMLElement) => fireEvent.pointerCancel(button)],
  ["another window comes to the front", () => fireEvent.blur(window)],
  ["Escape", (button: HTMLElement) => fireEvent.keyDown(button, { key: "Escape" })],
  ["the sheet closes under it", () => screen.getByTestId("kill-dialog").dispatchEvent(new Event("close"))],
])("stops nothing when the hold is broken: %s", async (_what, breaks) => {
  vi.useFakeTimers(ONLY_HOLD);
  show();
  await press("kill-open");
  const button = screen.getByTestId("kill-confirm");
  act(() => void fireEvent.pointerDown(button, { button: 0 }));
  act(() => void vi.advanceTimersByTime(HOLD_MS / 2));
  act(() => void breaks(button));
  act(() => void vi.advanceTimersByTime(2 * HOLD_MS));
  vi.useRealTimers();
  expect(posted).toEqual([]);
});

it("stops nothing by the second button of a mouse, nor by a key that was down before the sheet opened", async () => {
  vi.useFakeTimers(ONLY_HOLD);
  show();
  await press("kill-open");
  const button = screen.getByTestId("kill-confirm");
  act(() => void fireEvent.pointerDown(button, { button: 2 }));
  act(() => void fireEvent.keyDown(button, { key: "Enter", repeat: true }));
  act(() => void vi.advanceTimersByTime(2 * HOLD_MS));
  vi.useRealTimers();
  expect(posted).toEqual([]);
});

it.each(["stop", " STOP ", "СТОП"])("stops by the typed word %s, in either language's word", async (word) => {
  show();
  await press("kill-open");
  expect((screen.getByTestId("kill-typed-go") as HTMLButtonElement).disabled).toBe(true);
  await act(async () => void fireEvent.change(screen.getByTestId("kill-typed"), { target: { value: word } }));
  await act(async () => void fireEvent.submit(screen.getByTestId("kill-typed")));
  expect(posted).toHaveLength(1);
});

it("stops nothing by another word, nor by a press that cannot be held: that leads to the word", async () => {
  show();
  await press("kill-open");
  await act(async () => void fireEvent.change(screen.getByTestId("kill-typed"), { target: { value: "STO" } }));
  await act(async () => void fireEvent.submit(screen.getByTestId("kill-typed")));
  await act(async () => void fireEvent.click(screen.getByTestId("kill-confirm"), { detail: 0 }));
  expect(document.activeElement).toBe(screen.getByTestId("kill-typed"));
  expect(screen.getByTestId("kill-told").textContent).toContain("A press alone stops nothing");
  expect(posted).toEqual([]);
});

it("says that it is at work only while something is left to do, and then a watch", async () => {
  show();
  await press("kill-open");
  state = { worker: true, latches: [latch()], accounts: [acting({ orders: 0 })] };
  answer = () => Promise.resolve(reached({ accounts: state.accounts })); // the next reading comes by a clock that stood still meanwhile
  await hold();
  await waitFor(() => expect(screen.getByTestId("kill-account").dataset["state"]).toBe("watching"));
  expect(screen.getByTestId("kill-account").textContent).toContain("nothing is left to do");
  // A position that is to be closed and still stands is work.
  act(() => void queries.setQueryData(killQuery.queryKey, { ...state, latches: [latch({ close_positions: true })] }));
  await press("kill-details");
  expect(screen.getByTestId("release-dialog").querySelector("[data-state=acting]")).not.toBeNull();
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
  await hold();
  expect(posted).toEqual([{ scope: "workspace", account_id: null, close_positions: true }]);
});

it("names the command and the exchange when nobody answers, and can be pressed again", async () => {
  answer = () => Promise.reject(new NoAnswer(null));
  show();
  await press("kill-open");
  await hold();
  expect((await screen.findByTestId("kill-elsewhere")).textContent).toContain("tradewright kill --account a");
  expect(screen.getByTestId("kill-elsewhere").textContent).toContain("https://www.bybit.com");
  answer = () => Promise.resolve(reached());
  await hold();
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
  await hold();
  expect(await screen.findByText(/No worker answers now/)).toBeTruthy();
  expect(screen.getByText(/could not be written to disk/)).toBeTruthy();
});

it("lets a viewer look but not stop", async () => {
  show({ role: "viewer" });
  await press("kill-open");
  expect((screen.getByTestId("kill-confirm") as HTMLButtonElement).disabled).toBe(true);
});

it("says where it can cancel and close nothing, because the key may only read, and stops all the same", async () => {
  show({ readOnly: true });
  await press("kill-open");
  expect(screen.getByTestId("kill-read-only").textContent).toMatch(/may only read.*: Simulated/);
  expect((screen.getByTestId("kill-confirm") as HTMLButtonElement).disabled).toBe(false);
  cleanup();
  show();
  await press("kill-open");
  expect(screen.queryByTestId("kill-read-only")).toBeNull();
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
  await press("kill-open");
  expect(screen.getByTestId("kill-dialog").textContent).toContain("Удерживайте кнопку 1,5 секунды");
  expect(screen.getByTestId("kill-dialog").textContent).toContain("Или введите СТОП");
  expect(screen.getByTestId("kill-banner").textContent).toContain("все счета");
  expect(screen.getByTestId("kill-banner").textContent).toContain("командная строка");
});
