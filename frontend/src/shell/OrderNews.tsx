/** Turns changes of orders into toasts and spoken words. Paints nothing. */
import { useEffect } from "react";
import { useQuery } from "@tanstack/react-query";
import { notices, stream } from "../app/services";
import { instrumentsQuery } from "../app/session";
import type { Account, Instrument, Order, OrderStatus } from "../api/types";
import { stepped, type Language } from "../format/number";
import { useWords } from "../i18n/useWords";
import { reasonShort, type Words } from "../i18n/words";
import { orderSentence } from "../i18n/sentences";
import { filledPercent } from "../status/filled";
import { newsOf, toldPrice } from "./order_news";

const ACCEPTED_MS = 4_000;
const FILLED_MS = 6_000;

export function OrderNews({ account }: { account: Account }) {
  const { t, language } = useWords();
  const accountId = account.id;
  const linear = useQuery(instrumentsQuery(account.environment, "linear")).data;
  const spot = useQuery(instrumentsQuery(account.environment, "spot")).data;

  useEffect(
    () =>
      stream.onAccountDelta((id, before, delta) => {
        if (id !== accountId) return;
        const news = newsOf(before, delta);
        if (news === null) return;
        const { order, status } = news;
        const listed = order.category === "linear" ? linear : spot;
        const instrument = listed?.find((each) => each.symbol === order.symbol) ?? null;
        const state = stream.account(accountId).get();
        const price = toldPrice(order, state.phase === "live" ? state.data.fills : []);
        const title = newsText(t, order, status, price, instrument, language);
        const text = orderSentence(t, order, instrument, language);
        const bad = status === "rejected" || status === "refused" || status === "not_sent" || status === "unknown";
        const good = status === "filled" || status === "partially_filled";
        const lastsMs = bad ? null : good ? FILLED_MS : ACCEPTED_MS;
        notices.show({ id: order.id, tone: bad ? "bad" : good ? "good" : "info", title, text, lastsMs });
        notices.speak(`${t("notices.spoken", { sentence: text, news: title })}.`, bad ? "assertive" : "polite");
      }),
    [accountId, linear, spot, language, t],
  );
  return null;
}

function newsText(
  t: Words,
  order: Order,
  status: OrderStatus,
  price: string | null,
  instrument: Instrument | null,
  language: Language,
): string {
  const quantity = stepped(order.filled_quantity, instrument?.quantity_step ?? order.filled_quantity, language);
  const coin = instrument?.base_coin ?? order.symbol;
  const at = stepped(price, instrument?.tick_size ?? price ?? undefined, language);
  switch (status) {
    case "filled":
      return t("notices.filled", { quantity, coin, price: at });
    case "partially_filled":
      return t("notices.partially_filled", { percent: filledPercent(order), quantity, coin, price: at });
    case "rejected":
    case "refused":
      return t(`notices.${status}`, { reason: reasonShort(t, order.reason) });
    case "cancelled":
    case "expired":
    case "not_sent":
    case "not_placed":
    case "unknown":
      return t(`notices.${status}`);
    case "acknowledged":
    case "sending":
    case "waiting_trigger":
    case "working":
    case "cancel_requested":
    case "amend_requested":
      return t("notices.acknowledged");
    default:
      return unheard(status);
  }
}

function unheard(status: never): string {
  return String(status);
}
