/** What stands at the foot of the ticket: the button with its whole sentence, and what came of it or stands in its way. */
import type { Account, Instrument } from "../api/types";
import { Refused } from "../api/errors";
import type { Language } from "../format/number";
import { useWords } from "../i18n/useWords";
import { failureText, reasonLong, statusText } from "../i18n/words";
import { Icon } from "../ui/Icon";
import type { Checked } from "./checks";
import { blockText } from "./Notes";
import { kindOf, ticketSentence, type Said } from "./sentence";
import { isEditable, type Ticket, type TicketPhase } from "./state";
import type { TicketControls } from "./useTicket";

/** Of the intent once it is sent, of the form while it is typed. */
export function saidOf(ticket: Ticket, checked: Checked): Said {
  const { phase, fields } = ticket;
  const body = phase.kind === "waiting" || phase.kind === "unanswered" || phase.kind === "sending" ? phase.body : null;
  if (body !== null) {
    const { side, quantity, quantity_unit: quantityUnit, price = null, trigger = null } = body;
    return { side, kind: kindOf(body.order_type, trigger !== null), quantity, quantityUnit, price, trigger };
  }
  const { draft } = checked.asked;
  const quantity = draft.quantity === "0" ? null : draft.quantity;
  return { side: fields.side, kind: fields.kind, quantity, quantityUnit: draft.quantityUnit, price: draft.price, trigger: draft.trigger };
}

export function SubmitButton(props: { ticket: Ticket; checked: Checked; instrument: Instrument; account: Account }) {
  const { t, language } = useWords();
  const { ticket, checked } = props;
  const sending = ticket.phase.kind === "sending";
  const blocked = checked.block !== null || !isEditable(ticket.phase);
  return (
    <button
      type="submit"
      className={`submit ${ticket.fields.side === "Buy" ? "buy" : "sell"}`}
      // Not `disabled`: it stays reachable, says why it is closed, and leads to the field in question.
      aria-disabled={blocked}
      aria-describedby="ticket-reason"
      data-testid="ticket-submit"
    >
      {sending ? (
        <>
          <Icon name="spinner" className="spinning" /> {t("ticket.sending")}
        </>
      ) : (
        ticketSentence(t, saidOf(ticket, checked), props.instrument, props.account.environment, language)
      )}
    </button>
  );
}

type OutcomeProps = {
  readonly controls: TicketControls;
  readonly checked: Checked;
  readonly attempted: boolean;
  readonly account: Account;
  readonly instrument: Instrument;
  readonly language: Language;
};

/** What stands under the button: the first reason why it is closed, or how far the order has come. */
export function Outcome({ controls, checked, attempted, account, instrument, language }: OutcomeProps) {
  const { t } = useWords();
  const { phase } = controls.ticket;
  const block = checked.block === null ? null : blockText(t, checked.block, account, instrument, language);
  return (
    <div id="ticket-reason" className="outcome" data-testid="ticket-reason" aria-live={attempted ? "assertive" : "off"}>
      <PhaseNote phase={phase} controls={controls} language={language} />
      {isEditable(phase) && block !== null && <p className={attempted ? "fault" : "hint"}>{block}</p>}
    </div>
  );
}

function PhaseNote({ phase, controls, language }: { phase: TicketPhase; controls: TicketControls; language: Language }) {
  const { t } = useWords();
  switch (phase.kind) {
    case "editing":
    case "sending":
      return null;
    case "waiting":
      return (
        <div className="box warning">
          <p>{phase.status === "unknown" ? t("ticket.waiting_unknown") : t("ticket.waiting_sending")}</p>
          <Buttons controls={controls} ask={t("ticket.ask_again")} />
        </div>
      );
    case "unanswered":
      return (
        <div className="box warning">
          <p>{phase.notSeen ? t("ticket.not_seen") : t("ticket.unanswered")}</p>
          <Buttons controls={controls} ask={t("ticket.ask_again")} />
        </div>
      );
    case "turned_down": {
      const blank = { quantity: "1", filled_quantity: "0", status: phase.status, reason: phase.reason };
      return (
        <div className="box error" role="alert">
          <strong>{statusText(t, blank)}</strong>
          {phase.reason !== null && <p>{reasonLong(t, phase.reason, language)}</p>}
          <p className="hint">{t("ticket.kept")}</p>
        </div>
      );
    }
    case "refused_by_server": {
      const { text, code } = failureText(t, new Refused(phase.problem), language);
      return (
        <div className="box error" role="alert">
          <strong>{t("ticket.failed")}</strong>
          <p>{text}</p>
          <span className="code">{code}</span>
          <p className="hint">{t("ticket.kept")}</p>
        </div>
      );
    }
    default:
      return unheard(phase);
  }
}

function Buttons({ controls, ask }: { controls: TicketControls; ask: string }) {
  const { t } = useWords();
  return (
    <span className="row">
      <button type="button" className="button small" data-testid="ticket-ask-again" onClick={controls.askAgain}>
        {ask}
      </button>
      <button type="button" className="button small quiet" onClick={controls.putAside}>
        {t("ticket.new_order")}
      </button>
    </span>
  );
}

function unheard(_phase: never): null {
  return null;
}
