/** The order ticket: fields, checks while typing, preview, and a button that says the whole sentence. */
import { useCallback, useImperativeHandle, useRef, useState, type FormEvent, type Ref } from "react";
import type { Account, Instrument, Order, Position, Side, Ticker, TimeInForce } from "../api/types";
import { stepped, type Language } from "../format/number";
import { useWords } from "../i18n/useWords";
import type { Words } from "../i18n/words";
import { failureText, reasonLong, statusText } from "../i18n/words";
import { Refused } from "../api/errors";
import { ENVIRONMENT_WORD } from "../shell/Environment";
import { useQuote } from "../stream/hooks";
import { Icon } from "../ui/Icon";
import { Segments } from "../ui/Segments";
import { check, intentOf, type Checked, type FieldState, type Surroundings } from "./checks";
import { blockText, FieldNotes } from "./Notes";
import { NumberField } from "./NumberField";
import { Preview } from "./Preview";
import { isEditable, type Ticket, type TicketPhase } from "./state";
import { useTicket, type TicketControls } from "./useTicket";

export type TicketHandle = {
  readonly usePrice: (price: string) => void;
  readonly focusSide: (side: Side) => void;
  readonly focusPrice: () => void;
  readonly focusQuantity: () => void;
  readonly submit: () => void;
};

type Props = {
  readonly account: Account;
  readonly instrument: Instrument;
  readonly initialTicker: Ticker | null;
  readonly position: Position | null;
  readonly available: string | null;
  readonly unknownOrders: readonly Order[];
  readonly around: Pick<Surroundings, "link" | "prices" | "account" | "mayTrade"> & { readonly oldSinceMs: number | null };
  readonly handle: Ref<TicketHandle>;
};

const TIMES: readonly TimeInForce[] = ["GTC", "IOC", "FOK", "PostOnly"];
const NOTE_MAX = 64;

export function TicketPanel(props: Props) {
  const { account, instrument } = props;
  const { t, language } = useWords();
  const draftKey = `${account.id}:${instrument.category}:${instrument.symbol}`;
  const controls = useTicket(account.id, draftKey);
  const { ticket, edit, submit } = controls;
  // A consent is given to one stretch of old prices and ends with it.
  const [acceptedOldMs, setAcceptedOldMs] = useState<number | null>(null);
  const acceptsOldPrice = acceptedOldMs !== null && acceptedOldMs === props.around.oldSinceMs;
  const [attempted, setAttempted] = useState(false);
  const ticker = useQuote(`${instrument.category}:${instrument.symbol}`)?.ticker ?? props.initialTicker;
  const checked = check(ticket, { ...props.around, instrument, ticker, acceptsOldPrice, language });
  const editable = isEditable(ticket.phase);
  const price = useRef<HTMLInputElement>(null);
  const quantity = useRef<HTMLInputElement>(null);
  const form = useRef<HTMLFormElement>(null);
  const { fields } = ticket;

  const onSubmit = (event: FormEvent): void => {
    event.preventDefault();
    if (!editable) return;
    const body = intentOf(ticket, checked, instrument);
    if (body === null) {
      setAttempted(true);
      focusBlock(checked, price.current, quantity.current);
      return;
    }
    setAttempted(false);
    submit(body);
  };

  useImperativeHandle(
    props.handle,
    () => ({
      usePrice: (text) => {
        edit({ price: text, orderType: "Limit" });
      },
      focusSide: (side) => {
        edit({ side });
        (fields.orderType === "Limit" && fields.price === "" ? price : quantity).current?.focus();
      },
      focusPrice: () => price.current?.focus(),
      focusQuantity: () => quantity.current?.focus(),
      submit: () => form.current?.requestSubmit(),
    }),
    [edit, fields.orderType, fields.price],
  );

  const isLimit = fields.orderType === "Limit";
  const useValue = useCallback((field: "price" | "quantity", value: string) => edit({ [field]: value }), [edit]);
  const step = { tick: stepped(instrument.tick_size, instrument.tick_size, language), quantity: stepped(instrument.quantity_step, instrument.quantity_step, language) };

  return (
    <aside className="panel ticket-panel" aria-label={t("ticket.title")} id="ticket" tabIndex={-1}>
      <form ref={form} className="ticket" noValidate data-testid="ticket-form" data-phase={ticket.phase.kind} onSubmit={onSubmit}>
        <Segments
          label={t("ticket.type")}
          value={fields.orderType}
          disabled={!editable}
          options={[
            { value: "Limit", label: t("ticket.limit"), testId: "ticket-type-limit" },
            { value: "Market", label: t("ticket.market"), testId: "ticket-type-market" },
          ]}
          onChange={(orderType) => edit({ orderType })}
        />
        <Segments
          label={t("ticket.side")}
          className="sides"
          value={fields.side}
          disabled={!editable}
          options={[
            { value: "Buy", label: t("ticket.buy"), testId: "ticket-side-buy" },
            { value: "Sell", label: t("ticket.sell"), testId: "ticket-side-sell" },
          ]}
          onChange={(side) => edit({ side })}
        />
        {isLimit ? (
          <NumberField
            label={t("ticket.price")}
            value={fields.price}
            unit={instrument.quote_coin}
            step={instrument.tick_size}
            stepText={step.tick}
            start={ticker?.last_price ?? null}
            faulty={checked.problems.some((problem) => problem.field === "price") || isUnread(checked.price)}
            disabled={!editable}
            testId="ticket-price"
            inputRef={price}
            aside={<QuickPrices ticker={ticker} disabled={!editable} onPick={(value) => edit({ price: value })} />}
            onChange={(value) => edit({ price: value })}
          >
            <FieldNotes field="price" checked={checked} ticket={ticket} instrument={instrument} onUse={useValue} />
          </NumberField>
        ) : (
          <p className="hint market-hint">{t("ticket.market_hint")}</p>
        )}
        <NumberField
          label={t("ticket.quantity")}
          value={fields.quantity}
          unit={instrument.base_coin}
          step={instrument.quantity_step}
          stepText={step.quantity}
          start="0"
          faulty={checked.problems.some((problem) => problem.field === "quantity") || isUnread(checked.quantity)}
          disabled={!editable}
          testId="ticket-quantity"
          inputRef={quantity}
          onChange={(value) => edit({ quantity: value })}
        >
          <FieldNotes field="quantity" checked={checked} ticket={ticket} instrument={instrument} onUse={useValue} />
        </NumberField>
        {isLimit && (
          <div className="field">
            <span className="label" id="tif-label">
              {t("ticket.time_in_force")}
            </span>
            <Segments
              label={t("ticket.time_in_force")}
              className="times"
              value={fields.timeInForce}
              disabled={!editable}
              options={TIMES.map((value) => ({
                value,
                label: value === "PostOnly" ? "Post-only" : value,
                title: t(`ticket.tif_hint_${value as "GTC"}`),
              }))}
              onChange={(timeInForce) => edit({ timeInForce })}
            />
          </div>
        )}
        <label className="tick">
          <input
            type="checkbox"
            checked={fields.reduceOnly}
            // Not `disabled`, here and in the other fields: sending by a key must not take the focus away.
            aria-disabled={!editable}
            data-testid="ticket-reduce-only"
            onChange={(event) => edit({ reduceOnly: event.target.checked })}
          />
          {t("ticket.reduce_only")}
        </label>
        <details className="note-field" open={fields.note !== "" ? true : undefined}>
          <summary>{t("ticket.note")}</summary>
          <input
            className="input"
            aria-label={t("ticket.note")}
            maxLength={NOTE_MAX}
            value={fields.note}
            readOnly={!editable}
            placeholder={t("ticket.note_hint")}
            onChange={(event) => edit({ note: event.target.value })}
          />
        </details>
        <Preview checked={checked} instrument={instrument} position={props.position} available={props.available} />
        {editable && props.around.prices === "old" && isLimit && !fields.reduceOnly && (
          <label className="tick caution">
            <input type="checkbox" checked={acceptsOldPrice} onChange={(event) => setAcceptedOldMs(event.target.checked ? props.around.oldSinceMs : null)} />
            {t("ticket.send_with_old_price")}
          </label>
        )}
        {props.unknownOrders.length > 0 && editable && <p className="caution">{t("ticket.caution_unknown")}</p>}
        <div className="ticket-foot">
          <SubmitButton ticket={ticket} checked={checked} instrument={instrument} account={account} />
          <Outcome controls={controls} checked={checked} attempted={attempted} account={account} language={language} instrument={instrument} />
        </div>
      </form>
    </aside>
  );
}

function isUnread(field: FieldState): boolean {
  return field.kind === "not_a_number" || field.kind === "ambiguous";
}

function focusBlock(checked: Checked, price: HTMLInputElement | null, quantity: HTMLInputElement | null): void {
  const { block } = checked;
  if (block === null) return;
  const field = block.kind === "rule" ? block.problem.field : block.kind === "not_a_number" || block.kind === "ambiguous" ? block.field : block.kind;
  if (field === "price") price?.focus();
  if (field === "quantity") quantity?.focus();
}

function QuickPrices({ ticker, disabled, onPick }: { ticker: Ticker | null; disabled: boolean; onPick: (price: string) => void }) {
  const { t } = useWords();
  const prices = [
    [t("ticket.quick_bid"), ticker?.bid_price],
    [t("ticket.quick_last"), ticker?.last_price],
    [t("ticket.quick_ask"), ticker?.ask_price],
  ] as const;
  return (
    <span className="quick-prices">
      {prices.map(([name, value]) => (
        <button key={name} type="button" className="link-button" disabled={disabled || value == null} onClick={() => value != null && onPick(value)}>
          {name}
        </button>
      ))}
    </span>
  );
}

function sentence(t: Words, ticket: Ticket, checked: Checked, instrument: Instrument, account: Account, language: Language): string {
  const { fields, phase } = ticket;
  const body = phase.kind === "waiting" || phase.kind === "unanswered" || phase.kind === "sending" ? phase.body : null;
  const side = fields.side === "Buy" ? "buy" : "sell";
  const environment = ENVIRONMENT_WORD[account.environment];
  const coin = instrument.base_coin;
  const price = body?.price ?? (checked.price.kind === "number" ? checked.price.value : null);
  const amountTyped = body?.quantity ?? (checked.quantity.kind === "number" ? checked.quantity.value : null);
  const quantity = amountTyped === null ? null : stepped(amountTyped, instrument.quantity_step, language);
  if (quantity === null || (fields.orderType === "Limit" && price === null)) {
    const type = fields.orderType === "Limit" ? t("ticket.limit") : t("ticket.market");
    return t(`ticket.submit_unset_${side}`, { coin, type, environment });
  }
  if (fields.orderType === "Market") return t(`ticket.submit_market_${side}`, { quantity, coin, environment });
  return t(`ticket.submit_limit_${side}`, { quantity, coin, price: stepped(price, instrument.tick_size, language), environment });
}

function SubmitButton(props: { ticket: Ticket; checked: Checked; instrument: Instrument; account: Account }) {
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
        sentence(t, ticket, checked, props.instrument, props.account, language)
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
function Outcome({ controls, checked, attempted, account, instrument, language }: OutcomeProps) {
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
