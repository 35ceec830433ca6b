/**
 * The preview as lines: each what it is called, what it says, and the formula behind it; ours, or the server's.
 *
 * Lives here: choosing between the page's numbers and the server's, and their words. Not here: the maths (`rules/preview`).
 */
import Big from "big.js";
import type { Instrument, Preview } from "../api/types";
import { amount, fixed, grouping, stepped, UNKNOWN, type Language } from "../format/number";
import type { Words } from "../i18n/words";
import type { Asked, Facts } from "./asked";
import { ratioWords } from "./sentence";

export const LINES = [
  "expected_price",
  "order_value",
  "initial_margin",
  "fees",
  "cost",
  "available",
  "liquidation",
  "break_even",
  "risk",
  "reward",
  "after",
] as const;
export type LineName = (typeof LINES)[number];

export type Line = {
  readonly name: LineName;
  readonly text: string;
  readonly formula: string;
  /** Whether the server's number is further from ours than half a percent. */
  readonly differs: boolean;
  readonly tone: "" | "caution";
};

const DIFFERS_RATIO = "0.005";

type Source = Pick<
  Preview,
  | "expected_price"
  | "slippage_percent"
  | "order_value"
  | "initial_margin"
  | "open_fee"
  | "close_fee"
  | "cost"
  | "available"
  | "liquidation_price"
  | "liquidation"
  | "break_even_price"
  | "risk_at_stop"
  | "risk_percent"
  | "reward_per_risk"
  | "after"
  | "fees_assumed"
>;

/** The page's own numbers in the shape of the server's. */
export function ownPreview(asked: Asked, facts: Facts): Source {
  const own = asked.preview;
  return {
    expected_price: own.expectedPrice,
    slippage_percent: own.slippagePercent,
    order_value: own.orderValue,
    initial_margin: own.initialMargin,
    open_fee: own.openFee,
    close_fee: own.closeFee,
    cost: own.cost,
    available: asked.available,
    liquidation_price: own.liquidationPrice,
    liquidation: own.liquidation,
    break_even_price: own.breakEvenPrice,
    risk_at_stop: own.riskAtStop,
    risk_percent: own.riskPercent,
    reward_per_risk: own.rewardPerRisk,
    after: own.after === null ? null : { side: own.after.side, size: own.after.size, entry_price: own.after.entryPrice },
    fees_assumed: facts.feesAssumed,
  };
}

/** The lines in the order of the ticket; of a spot pair those of margin and position are left out. */
export function linesOf(t: Words, instrument: Instrument, asked: Asked, own: Source, server: Source | null, language: Language): Line[] {
  const shown = server ?? own;
  const isSpot = instrument.category === "spot";
  const said = lineTexts(t, instrument, asked, shown, language);
  const compared = lineNumbers(shown);
  const before = lineNumbers(own);
  const spotLines: readonly LineName[] = ["expected_price", "order_value", "fees", "cost", "available"];
  return LINES.filter((name) => !isSpot || spotLines.includes(name)).map((name) => ({
    name,
    text: said[name],
    formula: formulaOf(t, name, instrument, asked, shown.fees_assumed),
    differs: server !== null && differ(before[name], compared[name]),
    tone: name === "reward" && shown.reward_per_risk !== null && new Big(shown.reward_per_risk).lt(1) ? "caution" : "",
  }));
}

function lineNumbers(of: Source): Record<LineName, string | null> {
  return {
    expected_price: of.expected_price,
    order_value: of.order_value,
    initial_margin: of.initial_margin,
    fees: sum(of.open_fee, of.close_fee),
    cost: of.cost,
    available: of.available,
    liquidation: of.liquidation_price,
    break_even: of.break_even_price,
    risk: of.risk_at_stop,
    reward: of.reward_per_risk,
    after: of.after?.size ?? null,
  };
}

function differ(own: string | null, server: string | null): boolean {
  // What only the server knows is news, not a difference.
  if (own === null || server === null) return false;
  const ours = new Big(own);
  if (ours.eq(0)) return !new Big(server).eq(0);
  return new Big(server).minus(ours).abs().div(ours.abs()).gt(DIFFERS_RATIO);
}

function lineTexts(t: Words, instrument: Instrument, asked: Asked, of: Source, language: Language): Record<LineName, string> {
  const quote = instrument.quote_coin;
  const isSpotSell = instrument.category === "spot" && asked.draft.side === "Sell";
  const about = (text: string): string => (text === UNKNOWN ? UNKNOWN : `≈ ${text}`);
  const inQuote = (value: string | null): string => (value === null ? UNKNOWN : `≈ ${amount(value, language)} ${quote}`);
  const inCostCoin = (value: string | null): string => {
    if (!isSpotSell || value === null) return inQuote(value);
    return `≈ ${stepped(value, instrument.quantity_step, language)} ${instrument.base_coin}`;
  };
  const price = (value: string | null): string => about(stepped(value, instrument.tick_size, language));
  const slip = of.slippage_percent === null ? "" : ` (${fixed(of.slippage_percent, 2, language)}\u202f%)`;
  const risked = of.risk_percent === null ? "" : ` (${fixed(of.risk_percent, 2, language)}\u202f%)`;
  return {
    expected_price: of.expected_price === null ? UNKNOWN : price(of.expected_price) + slip,
    order_value: inQuote(of.order_value),
    initial_margin: inQuote(of.initial_margin),
    fees: feesText(instrument, asked, of, language),
    cost: inCostCoin(of.cost),
    available: inCostCoin(of.available),
    liquidation: liquidationText(t, of, price),
    break_even: price(of.break_even_price),
    risk: of.risk_at_stop === null ? UNKNOWN : inQuote(of.risk_at_stop) + risked,
    reward: of.reward_per_risk === null ? UNKNOWN : `≈ ${ratioWords(new Big(of.reward_per_risk).toFixed(1), language)}`,
    after: afterText(t, instrument, of, language),
  };
}

function feesText(instrument: Instrument, asked: Asked, of: Source, language: Language): string {
  if (of.open_fee === null) return UNKNOWN;
  const quote = instrument.quote_coin;
  const open = `≈ ${amount(of.open_fee, language)}`;
  if (instrument.category !== "spot") return of.close_fee === null ? `${open} ${quote}` : `${open} + ${amount(of.close_fee, language)} ${quote}`;
  // A spot buy pays its fee in the coin that it buys.
  if (asked.draft.side === "Sell" || of.expected_price === null || new Big(of.expected_price).eq(0)) return `${open} ${quote}`;
  const inBase = new Big(of.open_fee).div(of.expected_price);
  return `≈ ${grouping(inBase.toFixed(8).replace(/0+$/, "").replace(/\.$/, ""), language)} ${instrument.base_coin}`;
}

function liquidationText(t: Words, of: Source, price: (value: string | null) => string): string {
  switch (of.liquidation) {
    case "estimate":
      return price(of.liquidation_price);
    case "account_wide":
      return t("ticket.liquidation_account_wide");
    case "none":
      return UNKNOWN;
    default:
      return unheard(of.liquidation);
  }
}

function afterText(t: Words, instrument: Instrument, of: Source, language: Language): string {
  if (of.after === null) return UNKNOWN;
  const { side, size, entry_price } = of.after;
  if (side === null || new Big(size).eq(0)) return t("ticket.after_flat");
  const words = { size: `${stepped(size, instrument.quantity_step, language)} ${instrument.base_coin}`, price: stepped(entry_price, instrument.tick_size, language) };
  return side === "Buy" ? t("ticket.after_long", words) : t("ticket.after_short", words);
}

function formulaOf(t: Words, name: LineName, instrument: Instrument, asked: Asked, feesAssumed: boolean): string {
  const isSpot = instrument.category === "spot";
  const { orderType, side } = asked.draft;
  switch (name) {
    case "expected_price":
      return asked.draft.trigger !== null ? t("ticket.formula.expected_trigger") : t(`ticket.formula.expected_${orderType}`);
    case "cost":
      return isSpot ? t(`ticket.formula.cost_spot_${side}`) : t("ticket.formula.cost");
    case "fees": {
      const formula = isSpot ? t(`ticket.formula.fees_spot_${side}`) : t("ticket.formula.fees");
      return feesAssumed ? `${formula}. ${t("ticket.formula.fees_assumed")}` : formula;
    }
    case "available":
      return isSpot ? t("ticket.formula.available_spot") : t("ticket.formula.available");
    case "order_value":
    case "initial_margin":
    case "liquidation":
    case "break_even":
    case "risk":
    case "reward":
    case "after":
      return t(`ticket.formula.${name}`);
    default:
      return unheard(name);
  }
}

function sum(a: string | null, b: string | null): string | null {
  if (a === null) return b;
  return b === null ? a : new Big(a).plus(b).toFixed();
}

function unheard(_value: never): string {
  return UNKNOWN;
}
