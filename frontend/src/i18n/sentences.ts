/** An order as a sentence: "Buy 0.05 BTC at 60 412.5". Used by the ticket's button, rows, toasts and spoken words. */
import type { Instrument, Order } from "../api/types";
import { stepped, type Language } from "../format/number";
import type { Words } from "./words";

type Spoken = Pick<Order, "side" | "quantity" | "price" | "order_type" | "symbol">;

export function orderSentence(t: Words, order: Spoken, instrument: Instrument | null, language: Language): string {
  const side = order.side === "Buy" ? t("ticket.buy") : t("ticket.sell");
  const coin = instrument?.base_coin ?? order.symbol;
  const quantity = stepped(order.quantity, instrument?.quantity_step ?? order.quantity, language);
  if (order.order_type === "Market" || order.price === null) return t("tables.sentence_market", { side, quantity, coin });
  const price = stepped(order.price, instrument?.tick_size ?? order.price, language);
  return t("tables.sentence_limit", { side, quantity, coin, price });
}
