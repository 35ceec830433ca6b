/** Before real money moves: the whole sentence, what it costs and the worst that it loses; of a large order its symbol is typed. */
import { useState } from "react";
import type { Account, Instrument, PlaceIntent } from "../api/types";
import { amount, UNKNOWN } from "../format/number";
import { useWords } from "../i18n/useWords";
import { isLarge, isTyped } from "../arming/large";
import { TypedOnce } from "../arming/TypedOnce";
import { Dialog } from "../ui/Dialog";
import type { Checked } from "./checks";
import { kindOf, ticketSentence } from "./sentence";

type Props = {
  readonly body: PlaceIntent;
  readonly checked: Checked;
  readonly instrument: Instrument;
  readonly account: Account;
  readonly onConfirm: (body: PlaceIntent) => void;
  readonly onClose: () => void;
};

export function ConfirmDialog({ body, checked, instrument, account, onConfirm, onClose }: Props) {
  const { t, language } = useWords();
  const { side, quantity, quantity_unit: quantityUnit, price = null, trigger = null } = body;
  const said = { side, kind: kindOf(body.order_type, trigger !== null), quantity, quantityUnit, price, trigger };
  const sentence = ticketSentence(t, said, instrument, account.environment, language);
  const inQuote = (value: string | null): string => (value === null ? UNKNOWN : `≈ ${amount(value, language)} ${instrument.quote_coin}`);
  const { cost, orderValue, riskAtStop } = checked.asked.preview;
  const [typed, setTyped] = useState("");
  const mustType = !body.reduce_only && isLarge(orderValue, account.armed?.confirm_above ?? null);
  const closed = mustType && !isTyped(typed, instrument.symbol);
  return (
    <Dialog title={t("ticket.confirm_title")} testId="ticket-confirm" onClose={onClose}>
      {(close) => (
        <>
          <p>
            <strong>{sentence}</strong>
          </p>
          <dl className="facts">
            <dt>{t("ticket.line.cost")}</dt>
            <dd>{inQuote(cost)}</dd>
            <dt>{t("ticket.worst_loss")}</dt>
            <dd>{riskAtStop === null ? t("ticket.worst_loss_no_stop") : inQuote(riskAtStop)}</dd>
          </dl>
          {mustType && <TypedOnce symbol={instrument.symbol} value={typed} onChange={setTyped} />}
          <span className="row">
            <button type="button" className="button" onClick={close}>
              {t("ticket.leave")}
            </button>
            <button
              type="button"
              className="button primary"
              data-testid="ticket-confirm-send"
              aria-disabled={closed}
              onClick={() => {
                if (closed) return;
                onConfirm(mustType ? { ...body, confirmation: instrument.symbol } : body);
                close();
              }}
            >
              {sentence}
            </button>
          </span>
        </>
      )}
    </Dialog>
  );
}
