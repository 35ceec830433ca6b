/** Changing a live order: only what differs is asked, and the row says "Changing" until the exchange has confirmed it. */
import Big from "big.js";
import { useState, type FormEvent } from "react";
import type { Instrument, Order } from "../../api/types";
import { plain, stepped } from "../../format/number";
import { orderSentence } from "../../i18n/sentences";
import { useWords } from "../../i18n/useWords";
import { problemText } from "../../i18n/words";
import { amendProblems, type Amendable, type OrderChange } from "../../rules/change";
import { quotesOf } from "../../rules/parts";
import { marketKey, useQuote } from "../../stream/hooks";
import { readField, type FieldState } from "../../ticket/reading";
import { isLarge, isTyped } from "../../arming/large";
import { TypedOnce, useConfirmAbove } from "../../arming/TypedOnce";
import { Dialog } from "../../ui/Dialog";
import { NumberLine } from "./NumberLine";
import { useIntent } from "./useIntent";

type Props = { readonly order: Order; readonly instrument: Instrument; readonly block: string | null; readonly onClose: () => void };
type Name = "quantity" | "price" | "trigger_price" | "take_profit" | "stop_loss";

export function AmendDialog({ order, instrument, block, onClose }: Props) {
  const { t, language } = useWords();
  const sentence = orderSentence(t, order, instrument, language);
  return (
    <Dialog title={t("actions.amend_title", { sentence })} testId="amend-dialog" onClose={onClose}>
      {(close) => <Form order={order} instrument={instrument} block={block} sentence={sentence} close={close} />}
    </Dialog>
  );
}

function Form({ order, instrument, block, sentence, close }: Omit<Props, "onClose"> & { sentence: string; close: () => void }) {
  const { t, language } = useWords();
  const quote = useQuote(marketKey(order.environment, order));
  const show = (value: string | null, step: string): string => (value === null ? "" : stepped(value, step, language));
  const start: Readonly<Record<Name, string>> = {
    quantity: show(order.quantity, instrument.quantity_step),
    price: show(order.price, instrument.tick_size),
    trigger_price: show(order.trigger?.price ?? null, instrument.tick_size),
    take_profit: show(order.take_profit, instrument.tick_size),
    stop_loss: show(order.stop_loss, instrument.tick_size),
  };
  const [typed, setTyped] = useState(start);
  const { phase, fault, ask } = useIntent(order.account_id, { said: sentence, onTaken: close });
  const names = fieldsOf(order);
  const read = Object.fromEntries(names.map((name) => [name, readField(typed[name], language)])) as Partial<Record<Name, FieldState>>;
  const change: OrderChange = {
    quantity: asked(read.quantity, order.quantity),
    price: asked(read.price, order.price),
    triggerPrice: asked(read.trigger_price, order.trigger?.price ?? null),
    takeProfit: askedExit(read.take_profit, order.take_profit),
    stopLoss: askedExit(read.stop_loss, order.stop_loss),
  };
  const problems = amendProblems(instrument, amendable(order), change, quotesOf(quote?.ticker ?? null));
  const unread = names.some((name) => read[name]?.kind === "not_a_number" || read[name]?.kind === "ambiguous");
  const missing = names.some((name) => (name === "quantity" || name === "price" || name === "trigger_price") && read[name]?.kind === "empty");
  const untouched = problems.length === 1 && problems[0]?.code === "amend.nothing_changes";
  const [confirmed, setConfirmed] = useState("");
  const above = useConfirmAbove(order.account_id);
  const mustType = change.quantity !== null && new Big(change.quantity).gt(order.quantity) && isLarge(worth(order, change, quote?.ticker.mark_price ?? null), above);
  const closed = block !== null || unread || missing || problems.length > 0 || phase === "sending" || (mustType && !isTyped(confirmed, order.symbol));

  const onSubmit = (event: FormEvent): void => {
    event.preventDefault();
    if (closed) return;
    ask({
      kind: "amend",
      order_id: order.id,
      quantity: change.quantity,
      price: change.price,
      trigger_price: change.triggerPrice,
      take_profit: change.takeProfit,
      stop_loss: change.stopLoss,
      ...(mustType ? { confirmation: order.symbol } : {}),
    });
  };

  return (
    <form className="stack wide" noValidate data-testid="amend-form" onSubmit={onSubmit}>
      {names.map((name) => (
        <NumberLine
          key={name}
          label={t(`actions.field_${name}`)}
          unit={name === "quantity" ? instrument.base_coin : instrument.quote_coin}
          step={name === "quantity" ? instrument.quantity_step : instrument.tick_size}
          value={typed[name]}
          was={start[name]}
          testId={`amend-${name}`}
          field={read[name] ?? { kind: "empty" }}
          faults={problems.filter((each) => each.field === name).map((each) => problemText(t, each.code, each.params, language))}
          onChange={(value) => setTyped((before) => ({ ...before, [name]: value }))}
        />
      ))}
      {mustType && <TypedOnce symbol={order.symbol} value={confirmed} onChange={setConfirmed} />}
      <p className="hint">{t("actions.amend_hint")}</p>
      {block !== null && <p className="caution">{block}</p>}
      {fault !== null && (
        <p className="fault" role="alert" data-testid="action-fault">
          {fault}
        </p>
      )}
      <div className="row">
        <button type="submit" className="button primary" data-testid="amend-submit" aria-disabled={closed}>
          {phase === "sending" ? t("actions.sending") : phase === "unknown" ? t("actions.ask_again") : t("actions.amend_submit")}
        </button>
        <button type="button" className="button" onClick={close}>
          {t("actions.leave")}
        </button>
        {untouched && <span className="hint">{t("actions.nothing_changes")}</span>}
      </div>
    </form>
  );
}

/** What the changed order may come to, in quote coin; null: no price is known. */
function worth(order: Order, change: OrderChange, mark: string | null): string | null {
  if (change.quantity === null) return null;
  if (order.quantity_unit === "quote") return change.quantity;
  const prices = [change.price ?? order.price, change.triggerPrice ?? order.trigger?.price ?? null, mark].filter((price) => price !== null);
  if (prices.length === 0) return null;
  const dearest = prices.reduce((most, price) => (new Big(price).gt(most) ? price : most));
  return new Big(change.quantity).times(dearest).toFixed();
}

/** What of this order can be changed. Exits of spot orders and of what reduces are not the order's own. */
function fieldsOf(order: Order): readonly Name[] {
  const exits: readonly Name[] = order.category === "linear" && !order.reduce_only && order.stop_order_type === null ? ["take_profit", "stop_loss"] : [];
  return [
    ...(order.trigger !== null && order.status === "waiting_trigger" ? (["trigger_price"] as const) : []),
    ...(order.order_type === "Limit" ? (["price"] as const) : []),
    "quantity",
    ...exits,
  ];
}

function amendable(order: Order): Amendable {
  return {
    side: order.side,
    orderType: order.order_type,
    quantity: order.quantity,
    filled: order.filled_quantity,
    price: order.price,
    reduceOnly: order.reduce_only,
    trigger: order.trigger,
    takeProfit: order.take_profit,
    stopLoss: order.stop_loss,
  };
}

/** The new value, or null where it stays as it is. */
function asked(field: FieldState | undefined, held: string | null): string | null {
  if (field?.kind !== "number") return null;
  return held !== null && new Big(field.value).eq(held) ? null : plain(new Big(field.value));
}

/** As `asked`; a field that was emptied takes the exit away. */
function askedExit(field: FieldState | undefined, held: string | null): string | null {
  if (field?.kind === "empty") return held === null ? null : "0";
  return asked(field, held);
}
