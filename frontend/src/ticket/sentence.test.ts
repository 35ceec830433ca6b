import { beforeAll, expect, it } from "vitest";
import { aPair, anInstrument } from "../api/fixtures";
import { i18next, loadWords, startWords } from "../i18n";
import { ticketSentence, type Said } from "./sentence";

beforeAll(async () => {
  await startWords("en");
  await loadWords("ru");
});
const base: Said = { side: "Buy", kind: "Limit", quantity: "0.05", quantityUnit: "base", price: "60412.5", trigger: null };
const said = (change: Partial<Said>, language: "en" | "ru" = "en", instrument = anInstrument()): string =>
  ticketSentence(i18next.getFixedT(language, "page"), { ...base, ...change }, instrument, "sim", language).replaceAll("\u202f", " ");
const rises = { price: "61000", by: "MarkPrice", rises: true } as const;

it("says a whole order of every kind, and the environment last", () => {
  expect([
    said({}),
    said({ kind: "Market", side: "Sell", price: null }),
    said({ kind: "StopMarket", price: null, trigger: rises }),
    said({ kind: "StopLimit", side: "Sell", price: "58990", trigger: { price: "59000", by: "LastPrice", rises: false } }),
    said({ kind: "Market", price: null, quantity: "100", quantityUnit: "quote" }, "en", aPair()),
  ]).toEqual([
    "Buy 0.050 BTC at 60 412.5 · Limit · SIM",
    "Sell 0.050 BTC · Market · SIM",
    "Buy 0.050 BTC when mark price rises to 61 000.0 · Stop-market · SIM",
    "Sell 0.050 BTC at 58 990.0 when last price falls to 59 000.0 · Stop-limit · SIM",
    "Buy BTC for 100.00 USDT · Market · SIM",
  ]);
});

it("says the same in Russian", () => {
  expect([said({}, "ru"), said({ kind: "StopMarket", price: null, trigger: rises }, "ru"), said({ kind: "Market", price: null, quantity: "100", quantityUnit: "quote" }, "ru", aPair())]).toEqual([
    "Купить 0,050 BTC по 60 412,5 · Лимитный · SIM",
    "Купить 0,050 BTC, когда цена маркировки вырастет до 61 000,0 · Стоп-рыночный · SIM",
    "Купить BTC на 100,00 USDT · Рыночный · SIM",
  ]);
});

it("promises nothing that is not typed yet", () => {
  expect([said({ quantity: null }), said({ price: null }), said({ kind: "StopMarket", price: null })]).toEqual([
    "Buy BTC · Limit · SIM",
    "Buy BTC · Limit · SIM",
    "Buy BTC · Stop-market · SIM",
  ]);
});
