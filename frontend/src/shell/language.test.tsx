// @vitest-environment jsdom
import { act, cleanup, configure, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { notices } from "../app/services";
import { i18next, loadWords, startWords } from "../i18n";
import { useWords } from "../i18n/useWords";
import { LanguageSwitch } from "./Controls";
import { followLanguage } from "./language";
import { choose, preferences } from "./preferences";

let leave = (): void => undefined;
const Typed = () => {
  const { t } = useWords();
  return <input aria-label={t("shell.accounts")} defaultValue="" data-testid="typed" />;
};
const show = (load: typeof loadWords = loadWords): void => {
  leave = followLanguage(load);
  render(
    <>
      <LanguageSwitch />
      <Typed />
    </>,
  );
};
const press = (name: string): Promise<void> => act(async () => void fireEvent.click(screen.getByText(name)));

configure({ asyncUtilTimeout: 15_000 });

beforeAll(() => startWords("en"));
beforeEach(() => choose({ language: "en" }));
afterEach(async () => {
  leave();
  cleanup();
  notices.clear();
  await i18next.changeLanguage("en");
});

it("speaks another language at once, without a reload and with what was typed, and keeps the choice", async () => {
  show();
  const field = screen.getByTestId("typed") as HTMLInputElement;
  fireEvent.change(field, { target: { value: "0.05" } });
  await press("RU");
  await waitFor(() => expect(screen.getByLabelText("Счета")).toBe(field));
  expect(field.value).toBe("0.05");
  expect(document.documentElement.lang).toBe("ru");
  expect(JSON.parse(localStorage.getItem("tradewright.preferences") ?? "{}")).toMatchObject({ language: "ru" });
  await press("EN");
  await waitFor(() => expect(screen.getByLabelText("Accounts")).toBe(field));
});

it("stays in the language it speaks when the words of the other cannot be fetched, and says so", async () => {
  show(() => Promise.reject(new Error("offline")));
  await press("RU");
  await waitFor(() => expect(preferences.get().language).toBe("en"));
  expect(document.documentElement.lang).toBe("en");
  expect(screen.getByLabelText("Accounts")).toBeTruthy();
  expect(notices.toasts.get().map((each) => each.id)).toEqual(["language"]);
});

it("speaks what was chosen last when the words of one language come late", async () => {
  let arrive = (): void => undefined;
  const load = vi.fn<typeof loadWords>(() => new Promise((done) => (arrive = done)));
  show(load);
  await press("RU");
  await press("EN");
  await act(async () => arrive());
  expect(i18next.language).toBe("en");
});
