// @vitest-environment jsdom
import { QueryClientProvider } from "@tanstack/react-query";
import { act, cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { anInstrument, aPosition } from "../../api/fixtures";
import type { ExitsIntent, IntentAnswer, Position } from "../../api/types";
import { queries } from "../../app/services";
import { i18next, loadWords, startWords } from "../../i18n";
import { ExitsDialog } from "./Exits";

const posted: ExitsIntent[] = [];
vi.mock("../../api/calls", async (original) => ({
  ...(await original<typeof import("../../api/calls")>()),
  postIntent: (_account: string, body: ExitsIntent) => {
    posted.push(body);
    return Promise.resolve({ intent_id: body.id, kind: "exits", status: "acknowledged", order: null, position: null, reason: null } as IntentAnswer);
  },
}));

const show = (change: Partial<Position> = {}) =>
  render(
    <QueryClientProvider client={queries}>
      <ExitsDialog position={aPosition(change)} environment="sim" instrument={anInstrument()} block={null} onClose={() => undefined} />
    </QueryClientProvider>,
  );
const type = (name: string, value: string): void => void fireEvent.change(screen.getByTestId(`exits-${name}`), { target: { value } });
const press = (): Promise<void> => act(async () => void fireEvent.click(screen.getByTestId("exits-submit")));
const text = (): string => screen.getByTestId("exits-form").textContent.replaceAll("\u202f", " ");

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
  };
  posted.length = 0;
});
afterEach(async () => {
  cleanup();
  await i18next.changeLanguage("en");
});

it("asks for a trailing stop with its distance and the price it begins at, and leaves the other exits", async () => {
  show({ take_profit: "70000", stop_loss: "55000" });
  type("trailing_stop", "250.5");
  type("trailing_active_price", "61 000");
  await press();
  expect(posted).toMatchObject([{ kind: "exits", symbol: "BTCUSDT", trailing_stop: "250.5", trailing_active_price: "61000", take_profit: null, stop_loss: null, position_index: null }]);
});

it("names the leg of a position that is held in two", async () => {
  show({ position_index: 2, side: "Sell" });
  type("trailing_stop", "100");
  await press();
  expect(posted).toMatchObject([{ trailing_stop: "100", trailing_active_price: null, position_index: 2 }]);
});

it("takes a trailing stop away when its field is emptied", async () => {
  show({ trailing_stop: "250" });
  expect((screen.getByTestId("exits-trailing_stop") as HTMLInputElement).value.replaceAll("\u202f", " ")).toBe("250.0");
  type("trailing_stop", "");
  expect(text()).toContain("was 250.0");
  await press();
  expect(posted).toMatchObject([{ trailing_stop: "0" }]);
});

it("sends no distance beside the step, and names the nearest", async () => {
  show();
  type("trailing_stop", "250.55");
  expect(text()).toContain("The distance must be a multiple of 0.1; nearest: 250.6.");
  await press();
  expect(posted).toEqual([]);
});

it("sends no beginning without a distance, nothing that is no number, and nothing when nothing changes", async () => {
  show({ trailing_stop: null });
  await press();
  type("trailing_active_price", "61000");
  expect(text()).toContain("Give the distance of the trailing stop too.");
  await press();
  type("trailing_active_price", "");
  type("trailing_stop", "far");
  expect(text()).toContain("This is not a number.");
  await press();
  expect(posted).toEqual([]);
});

it("says in Russian what a trailing stop does and what is wrong with it", async () => {
  await i18next.changeLanguage("ru");
  show();
  type("trailing_stop", "250,55");
  expect(text()).toMatch(/кратн.*0,1/);
  expect(text()).not.toMatch(/[A-Za-z]{5,}/);
});
