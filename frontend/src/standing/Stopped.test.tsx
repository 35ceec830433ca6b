// @vitest-environment jsdom
import { QueryClientProvider } from "@tanstack/react-query";
import { act, cleanup, configure, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { readProblem, Refused } from "../api/errors";
import { queries } from "../app/services";
import { startWords } from "../i18n";
import { Stopped } from "./Stopped";

const asked: string[] = [];
let answer: () => Promise<boolean>;
vi.mock("../api/standing", async (original) => ({
  ...(await original<typeof import("../api/standing")>()),
  resumeAccount: (accountId: string) => {
    asked.push(accountId);
    return answer();
  },
}));

const show = (mayTrade = true): void =>
  void render(
    <QueryClientProvider client={queries}>
      <Stopped accountId="a" stop={{ exchange_code: 33004, exchange_text: "Your api key has expired.", since_ms: 1 }} mayTrade={mayTrade} />
    </QueryClientProvider>,
  );
const press = (): Promise<void> => act(async () => void fireEvent.click(screen.getByTestId("account-resume")));
const text = (): string => screen.getByTestId("account-stopped").textContent;

configure({ asyncUtilTimeout: 15_000 });

beforeAll(() => startWords("en"));
beforeEach(() => {
  asked.length = 0;
});
afterEach(cleanup);

it("quotes what the exchange said with its code, and what still goes", () => {
  show();
  expect(text()).toContain("33004 Your api key has expired.");
  expect(text()).toContain("Nothing that adds exposure is sent. Reducing orders and cancels still go.");
});

it("goes on when somebody asks for it, and says that the account hears of it", async () => {
  answer = () => Promise.resolve(true);
  show();
  await press();
  expect(asked).toEqual(["a"]);
  expect((await screen.findByRole("status")).textContent).toBe("Going on: the account hears of it within a second.");
});

it("says why it could not go on, and lets it be asked again", async () => {
  answer = () => Promise.reject(new Refused(readProblem(503, { code: "database.unavailable" })));
  show();
  await press();
  expect((await screen.findByRole("alert")).textContent).not.toBe("");
  answer = () => Promise.resolve(true);
  await waitFor(() => expect((screen.getByTestId("account-resume") as HTMLButtonElement).disabled).toBe(false));
  await press();
  expect(asked).toHaveLength(2);
  await waitFor(() => expect(screen.queryByRole("alert")).toBeNull());
});

it("lets a viewer read it, not go on", async () => {
  show(false);
  await press();
  expect(asked).toEqual([]);
});
