/**
 * The whole order as one sentence: what the button does, and what a dialog asks about.
 *
 * "Buy 0.05 BTC at 60 412.5 · Limit · SIM". The environment is always its last word.
 */
import type { Environment, Instrument, OrderType, Side, TriggerBy } from "../api/types";
import { amount, grouping, stepped, type Language } from "../format/number";
import { triggerWords } from "../i18n/sentences";
import type { Words } from "../i18n/words";
import { ENVIRONMENT_WORD } from "../shell/Environment";
import { orderTypeOf, type OrderKind } from "./fields";

/** An order as far as it is known: of the form while it is typed, of the intent once it is sent. */
export type Said = {
  readonly side: Side;
  readonly kind: OrderKind;
  readonly quantity: string | null;
  readonly quantityUnit: "base" | "quote";
  readonly price: string | null;
  readonly trigger: { readonly price: string; readonly by: TriggerBy; readonly rises: boolean } | null;
};

export function kindOf(orderType: OrderType, isWaiting: boolean): OrderKind {
  if (orderType === "Limit") return isWaiting ? "StopLimit" : "Limit";
  return isWaiting ? "StopMarket" : "Market";
}

export function kindWord(t: Words, kind: OrderKind): string {
  switch (kind) {
    case "Limit":
      return t("ticket.limit");
    case "Market":
      return t("ticket.market");
    case "StopLimit":
      return t("ticket.stop_limit");
    case "StopMarket":
      return t("ticket.stop_market");
    default:
      return unheard(kind);
  }
}

function unheard(_kind: never): string {
  return "";
}

export function ticketSentence(t: Words, said: Said, instrument: Instrument, environment: Environment, language: Language): string {
  const side = said.side === "Buy" ? "buy" : "sell";
  const coin = instrument.base_coin;
  const tail = { type: kindWord(t, said.kind), environment: ENVIRONMENT_WORD[environment] };
  const isLimit = orderTypeOf(said.kind) === "Limit";
  if (said.quantity === null || (isLimit && said.price === null)) return t(`ticket.submit_unset_${side}`, { coin, ...tail });
  const price = isLimit ? stepped(said.price, instrument.tick_size, language) : "";
  const quantity = stepped(said.quantity, instrument.quantity_step, language);
  if (said.kind === "StopLimit" || said.kind === "StopMarket") {
    if (said.trigger === null) return t(`ticket.submit_unset_${side}`, { coin, ...tail });
    const when = triggerWords(t, said.trigger, instrument, language);
    return t(`ticket.submit_${isLimit ? "stop_limit" : "stop_market"}_${side}`, { quantity, coin, price, when, ...tail });
  }
  if (isLimit) return t(`ticket.submit_limit_${side}`, { quantity, coin, price, ...tail });
  if (said.quantityUnit === "base") return t(`ticket.submit_market_${side}`, { quantity, coin, ...tail });
  // With cents, and with every further decimal that was asked for: the sentence is what is sent.
  const worth = stepped(said.quantity, "0.01", language);
  return t(`ticket.submit_amount_${side}`, { amount: `${worth} ${instrument.quote_coin}`, coin, ...tail });
}

/** An amount of either coin with its name. */
export function quantityWords(quantity: string, unit: "base" | "quote", instrument: Instrument, language: Language): string {
  if (unit === "base") return `${stepped(quantity, instrument.quantity_step, language)} ${instrument.base_coin}`;
  return `${amount(quantity, language)} ${instrument.quote_coin}`;
}

/** A ratio of risk and reward as people say it: `1 : 2.4`. */
export function ratioWords(ratio: string, language: Language): string {
  return `1 : ${grouping(ratio, language)}`;
}
