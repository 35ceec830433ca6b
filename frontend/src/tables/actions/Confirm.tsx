/** Questions before something that touches more than one order: what it does, to what, and the safe way out first. */
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { newIntentId } from "../../api/intent";
import { postCancelAll } from "../../api/trading";
import type { Category, Instrument, Order, Position } from "../../api/types";
import { notices } from "../../app/services";
import { stepped } from "../../format/number";
import { orderSentence } from "../../i18n/sentences";
import { useWords } from "../../i18n/useWords";
import { failureText } from "../../i18n/words";
import { isLarge, isTyped } from "../../arming/large";
import { TypedOnce, useConfirmAbove } from "../../arming/TypedOnce";
import { Dialog } from "../../ui/Dialog";
import type { FindInstrument } from "../OrdersTable";
import { useIntent } from "./useIntent";

const LISTED = 12;

export function CancelAll(props: {
  readonly accountId: string;
  readonly orders: readonly Order[];
  readonly only: { readonly category: Category; readonly symbol: string } | null;
  readonly find: FindInstrument;
  readonly onClose: () => void;
}) {
  const { t, language } = useWords();
  const { orders, only, find } = props;
  // One question, one id: pressed again after a lost answer it asks for nothing twice.
  const [id] = useState(newIntentId);
  const asking = useMutation({
    mutationFn: () =>
      postCancelAll(props.accountId, {
        id,
        category: only?.category ?? null,
        symbol: only?.symbol ?? null,
        // Whoever confirms has the list before them: orders from elsewhere are meant where it names some.
        external: orders.some((order) => order.source === "external"),
        conditional: true,
      }),
    onSuccess: (count) => notices.speak(t("actions.cancel_all_asked", { count })),
  });
  const title = only === null ? t("actions.cancel_all_title") : t("actions.cancel_all_of", { symbol: only.symbol });
  return (
    <Dialog title={title} testId="cancel-all-dialog" onClose={props.onClose}>
      {(close) => (
        <div className="stack wide">
          <p>{t("actions.cancel_all_text", { count: orders.length })}</p>
          <ul className="affected">
            {orders.slice(0, LISTED).map((order) => (
              <li key={order.id}>
                {order.symbol}: {orderSentence(t, order, find(order), language)}
              </li>
            ))}
            {orders.length > LISTED && <li className="muted">{t("actions.and_more", { count: orders.length - LISTED })}</li>}
          </ul>
          {asking.isError && (
            <p className="fault" role="alert">
              {failureText(t, asking.error, language).text}
            </p>
          )}
          <div className="row">
            <button type="button" className="button" onClick={close}>
              {t("actions.leave")}
            </button>
            <button
              type="button"
              className="button danger"
              data-testid="cancel-all-confirm"
              disabled={asking.isPending}
              onClick={() => asking.mutate(undefined, { onSuccess: close })}
            >
              {t("actions.cancel_all_submit", { count: orders.length })}
            </button>
          </div>
        </div>
      )}
    </Dialog>
  );
}

export function ReversePosition(props: {
  readonly position: Position;
  readonly instrument: Instrument;
  readonly block: string | null;
  readonly onClose: () => void;
}) {
  const { t } = useWords();
  return (
    <Dialog title={t("actions.reverse_title", { symbol: props.position.symbol })} testId="reverse-dialog" onClose={props.onClose}>
      {(close) => <Reverse {...props} close={close} />}
    </Dialog>
  );
}

function Reverse({ position, instrument, block, close }: { position: Position; instrument: Instrument; block: string | null; close: () => void }) {
  const { t, language } = useWords();
  const { phase, fault, ask } = useIntent(position.account_id, { said: t("actions.reverse_title", { symbol: position.symbol }), onTaken: close });
  const [typed, setTyped] = useState("");
  const mustType = isLarge(position.value, useConfirmAbove(position.account_id));
  const closed = block !== null || position.side === null || phase === "sending" || (mustType && !isTyped(typed, position.symbol));
  const isLong = position.side === "Buy";
  const size = stepped(position.size, instrument.quantity_step, language);
  const words = {
    size,
    coin: instrument.base_coin,
    from: isLong ? t("tables.long") : t("tables.short"),
    to: isLong ? t("tables.short") : t("tables.long"),
  };
  return (
    <div className="stack wide">
      <p>{t("actions.reverse_text", words)}</p>
      {mustType && <TypedOnce symbol={position.symbol} value={typed} onChange={setTyped} />}
      {block !== null && <p className="caution">{block}</p>}
      {fault !== null && (
        <p className="fault" role="alert" data-testid="action-fault">
          {fault}
        </p>
      )}
      <div className="row">
        <button type="button" className="button" onClick={close}>
          {t("actions.leave")}
        </button>
        <button
          type="button"
          className="button danger"
          data-testid="reverse-confirm"
          aria-disabled={closed}
          onClick={() => !closed && position.side !== null && ask({ kind: "reverse", category: "linear", symbol: position.symbol, side: position.side, size: position.size, ...(mustType ? { confirmation: position.symbol } : {}) })}
        >
          {phase === "sending" ? t("actions.sending") : t("actions.reverse_submit", words)}
        </button>
      </div>
    </div>
  );
}
