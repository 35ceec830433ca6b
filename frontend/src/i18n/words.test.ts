import { beforeEach, expect, it } from "vitest";
import { i18next, startWords } from "./index";
import { accountName, faultText } from "./words";

beforeEach(() => startWords("ru"));
const t = i18next.getFixedT("ru", "page");

it("tells a fault by its code, its cause, and the raw words in quotes", () => {
  const fault = { code: "session.stream_down", params: { cause: "link.silent" }, detail: "silent for 28 s" };
  expect(faultText(t, fault, "ru")).toBe(
    "Нет личного потока счёта. Слишком долго не было данных, соединение устанавливается заново. «silent for 28 s»",
  );
  expect(faultText(t, { code: "link.stale", params: { seconds: "22" }, detail: null }, "ru")).toBe("Данных не было 22 с.");
});

it("shows a code that it has no words for instead of nothing", () => {
  expect(faultText(t, { code: "link.new", params: {}, detail: "x" }, "ru")).toBe("Причина, для которой у страницы нет слов (link.new). «x»");
});

it("translates the names of the simulator's accounts and no others", () => {
  const named = (name: string, environment: "sim" | "demo" = "sim") => accountName(t, { name, environment });
  expect([named("Simulated"), named("Replay btcusd-2022"), named("Моя"), named("Simulated", "demo")]).toEqual([
    "Симуляция",
    "Повтор btcusd-2022",
    "Моя",
    "Simulated",
  ]);
});
