// @vitest-environment jsdom
import { QueryClientProvider } from "@tanstack/react-query";
import { act, cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { aPosition, anAccount, anInstrument } from "../api/fixtures";
import { NoAnswer } from "../api/errors";
import type { AccountSymbol, IntentAnswer, LeverageIntent } from "../api/types";
import { queries } from "../app/services";
import { startWords } from "../i18n";
import { LeverageDialog } from "./LeverageDialog";

const posted: LeverageIntent[] = [];
let answer: () => Promise<IntentAnswer>;
let read: string | null = null;
vi.mock("../api/calls", async (original) => ({
  ...(await original<typeof import("../api/calls")>()),
  postIntent: (_account: string, body: LeverageIntent) => {
    posted.push(body);
    return answer();
  },
  readIntent: (_account: string, id: string) => Promise.resolve(said("acknowledged", id)),
  readAccountSymbol: () => Promise.resolve({ leverage: read, read_ms: 1 } as AccountSymbol),
  readSession: () => Promise.resolve({}),
}));
const said = (status: string, id = "i"): IntentAnswer => ({ intent_id: id, kind: "leverage", status, order: null, position: null, reason: null }) as IntentAnswer;

const show = (change: { environment?: "sim" | "live"; held?: boolean; block?: string } = {}) =>
  render(
    <QueryClientProvider client={queries}>
      <LeverageDialog
        account={anAccount({ environment: change.environment ?? "sim" })}
        instrument={anInstrument()}
        position={change.held === true ? aPosition({ value: "6000000" }) : null}
        current="10"
        block={change.block ?? null}
        onClose={() => undefined}
      />
    </QueryClientProvider>,
  );
const type = (value: string): void => void fireEvent.change(screen.getByTestId("leverage-value"), { target: { value } });
const press = (): Promise<void> =>
  act(async () => {
    fireEvent.click(screen.getByTestId("leverage-set"));
  });

beforeAll(() => startWords("en"));
beforeEach(() => {
  // jsdom has no modal dialogs.
  HTMLDialogElement.prototype.showModal = function showModal() {
    this.open = true;
  };
  posted.length = 0;
  read = null;
  queries.clear();
});
afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

it("says that it concerns the whole symbol, and what its size allows", () => {
  show({ held: true });
  expect(screen.getByText(/leverage of the whole symbol BTCUSDT/)).toBeTruthy();
  expect(screen.getByText("Max 25× for this size (tier 3)")).toBeTruthy();
  type("50");
  expect(screen.getByTestId("leverage-problem").dataset["code"]).toBe("leverage.tier");
  expect(screen.getByTestId("leverage-set").getAttribute("aria-disabled")).toBe("true");
});

it("is done only when the exchange's own word has been read back", async () => {
  vi.useFakeTimers();
  answer = () => Promise.resolve(said("acknowledged"));
  show();
  type("25x");
  await press();
  expect(posted).toMatchObject([{ kind: "leverage", symbol: "BTCUSDT", leverage: "25" }]);
  expect(screen.getByTestId("leverage-told").textContent).toContain("being read back");
  read = "25";
  await act(async () => {
    await vi.advanceTimersByTimeAsync(1000);
  });
  expect(screen.getByTestId("leverage-told").textContent).toBe("Read back from the exchange: 25×.");
});

it("does not send twice when the answer is lost: it asks by the same id", async () => {
  answer = () => Promise.reject(new NoAnswer("gone"));
  show();
  type("5");
  await press();
  expect(screen.getByTestId("leverage-told").textContent).toContain("Unknown — checking with exchange");
  await press();
  expect(posted).toHaveLength(1);
});

it("sends nothing that is the same, faulty or blocked, and with real money only what was typed out", async () => {
  answer = () => Promise.resolve(said("acknowledged"));
  show();
  await press(); // 10×, as it is
  type("101");
  await press();
  cleanup();
  show({ block: "not now" });
  type("5");
  await press();
  cleanup();
  show({ environment: "live" });
  type("20");
  await press();
  expect(posted).toEqual([]);
  fireEvent.change(screen.getByLabelText("Type BTCUSDT to confirm"), { target: { value: "btcusdt" } });
  await press();
  expect(posted).toHaveLength(1);
});
