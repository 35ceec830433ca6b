/** An order as a sentence: "Buy 0.05 BTC at 60 412.5". Used by the ticket's button, rows, toasts and spoken words. */
import type { Instrument, Order } from "../api/types";
import { stepped, type Language } from "../format/number";
import type { Words } from "./words";

type Spoken = Pick<Order, "side" | "quantity" | "quantity_unit" | "price" | "order_type" | "symbol" | "trigger">;

export function orderSentence(t: Words, order: Spoken, instrument: Instrument | null, language: Language): string {
  const sentence = withoutTrigger(t, order, instrument, language);
  if (order.trigger === null) return sentence;
  return t("tables.sentence_waiting", { sentence, when: triggerWords(t, order.trigger, instrument, language) });
}

function withoutTrigger(t: Words, order: Spoken, instrument: Instrument | null, language: Language): string {
  const side = order.side === "Buy" ? t("ticket.buy") : t("ticket.sell");
  const coin = instrument?.base_coin ?? order.symbol;
  if (order.quantity_unit === "quote") {
    const amount = `${stepped(order.quantity, "0.01", language)} ${instrument?.quote_coin ?? ""}`.trim();
    return t("tables.sentence_amount", { side, coin, amount });
  }
  const quantity = stepped(order.quantity, instrument?.quantity_step ?? order.quantity, language);
  if (order.order_type === "Market" || order.price === null) return t("tables.sentence_market", { side, quantity, coin });
  const price = stepped(order.price, instrument?.tick_size ?? order.price, language);
  return t("tables.sentence_limit", { side, quantity, coin, price });
}

/** "when mark price rises to 61 000". */
export function triggerWords(t: Words, trigger: NonNullable<Order["trigger"]>, instrument: Pick<Instrument, "tick_size"> | null, language: Language): string {
  const price = stepped(trigger.price, instrument?.tick_size ?? trigger.price, language);
  return t(`ticket.when_${trigger.rises ? "rises" : "falls"}_${trigger.by}`, { price });
}
