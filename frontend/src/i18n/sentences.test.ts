import { beforeAll, expect, it } from "vitest";
import { aPair, anInstrument, anOrder } from "../api/fixtures";
import type { Order } from "../api/types";
import { i18next, loadWords, startWords } from "./index";
import { orderSentence } from "./sentences";
import { statusText } from "./words";

beforeAll(async () => {
  await startWords("en");
  await loadWords("ru");
});
const waiting: Partial<Order> = { price: "58990", quantity: "0.05", side: "Sell", trigger: { price: "59000", by: "LastPrice", rises: false } };
const amount: Partial<Order> = { category: "spot", order_type: "Market", price: null, quantity: "100", quantity_unit: "quote" };
const said = (change: Partial<Order>, language: "en" | "ru", instrument = anInstrument()): string =>
  orderSentence(i18next.getFixedT(language, "page"), anOrder(change), instrument, language).replaceAll("\u202f", " ");

it("says what an order waits for, and an amount as one", () => {
  expect([said(waiting, "en"), said(waiting, "ru"), said(amount, "en", aPair()), said(amount, "ru", aPair())]).toEqual([
    "Sell 0.050 BTC at 58 990.0 when last price falls to 59 000.0",
    "Продать 0,050 BTC по 58 990,0, когда последняя цена упадёт до 59 000,0",
    "Buy BTC for 100.00 USDT",
    "Купить BTC на 100,00 USDT",
  ]);
});

it("counts the filled part of an amount by its worth", () => {
  const part = anOrder({ ...amount, status: "cancelled", filled_quantity: "0.001", average_price: "60000" });
  expect(statusText(i18next.getFixedT("en", "page"), part)).toBe("Cancelled, 60 % filled");
});
