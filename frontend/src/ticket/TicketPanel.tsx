/** The order ticket: fields, checks while typing, preview, and a button that says the whole sentence. */
import Big from "big.js";
import { useEffect, useImperativeHandle, useRef, useState, type FormEvent, type Ref } from "react";
import type { Account, Balances, Instrument, Order, PlaceIntent, Position, Side, Ticker } from "../api/types";
import { stepped } from "../format/number";
import { useWords } from "../i18n/useWords";
import { accountName, type Words } from "../i18n/words";
import { marketKey, useBook, useQuote } from "../stream/hooks";
import { Segments } from "../ui/Segments";
import { check, spotOf, type Block, type Checked, type Surroundings } from "./checks";
import { ConfirmDialog } from "./ConfirmDialog";
import { ExitFields } from "./ExitFields";
import { isConditional, orderTypeOf, TIMES, type TicketFields } from "./fields";
import type { Fix } from "./fixes";
import { inputRef, isFaulty, type FormPart } from "./form";
import { intentOf, previewBody } from "./intents";
import { FieldNotes, OtherNotes } from "./Notes";
import { NumberField } from "./NumberField";
import { Outcome, SubmitButton } from "./Outcome";
import { Preview } from "./Preview";
import { KindTabs, PriceField, TriggerField } from "./PriceFields";
import { QuantityField } from "./QuantityField";
import type { Path } from "./reading";
import { isEditable, type Ticket } from "./state";
import { TicketHead } from "./TicketHead";
import { Undecided } from "./Undecided";
import { useFacts } from "./useFacts";
import { useServerPreview } from "./useServerPreview";
import { useTicket } from "./useTicket";

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
  readonly balances: Balances | null;
  readonly unknownOrders: readonly Order[];
  readonly around: Pick<Surroundings, "link" | "prices" | "account" | "bar"> & { readonly oldSinceMs: number | null };
  readonly handle: Ref<TicketHandle>;
};

const NOTE_MAX = 64;
const SLIPPAGE_STEP = "0.1";

export function TicketPanel(props: Props) {
  const { account, instrument } = props;
  const { t, language } = useWords();
  const draftKey = `${account.id}:${instrument.category}:${instrument.symbol}`;
  const controls = useTicket(account.id, draftKey);
  const { ticket, edit, submit } = controls;
  const { fields } = ticket;
  // A consent is given to one stretch of old prices and ends with it.
  const [acceptedOldMs, setAcceptedOldMs] = useState<number | null>(null);
  const acceptsOldPrice = acceptedOldMs !== null && acceptedOldMs === props.around.oldSinceMs;
  const [attempted, setAttempted] = useState(false);
  const [asksLeverage, setAsksLeverage] = useState(false);
  const [confirming, setConfirming] = useState<PlaceIntent | null>(null);
  const key = marketKey(account.environment, instrument);
  const ticker = useQuote(key)?.ticker ?? props.initialTicker;
  const book = useBook(key)?.book ?? null;
  const facts = useFacts(account, instrument, props.position, props.balances, props.around.account === "ready");
  const around: Surroundings = { ...props.around, instrument, ticker, book, facts, can: account.capabilities, acceptsOldPrice, language };
  const editable = isEditable(ticket.phase) && props.around.bar === null;
  const own = check(ticket, around);
  // An account that is not ready is judged by nobody: what the server last knew of it may be out of date.
  const asks = editable && props.around.account === "ready" && props.around.link === "up" && isComplete(own.block);
  const server = useServerPreview(account.id, draftKey, fields, previewBody(own.asked, instrument), asks);
  const checked = server === null ? own : check(ticket, around, server.preview);
  useFrozenTrigger(checked, ticket, edit);
  const inputs = useRef<Partial<Record<Path, HTMLInputElement | null>>>({});
  const form = useRef<HTMLFormElement>(null);

  const onFix = (fix: Fix): void => {
    if (fix.kind === "leverage") setAsksLeverage(true);
    else edit(fix.change);
  };
  const part: FormPart = { ticket, checked, instrument, ticker, editable, edit, onFix, inputs };
  const focus = (path: Path): void => inputs.current[path]?.focus();

  const onSubmit = (event: FormEvent): void => {
    event.preventDefault();
    if (!isEditable(ticket.phase)) return;
    const body = intentOf(ticket, checked, instrument);
    if (body === null) {
      setAttempted(true);
      focusBlock(checked.block, focus);
      return;
    }
    setAttempted(false);
    // Real money is asked for twice.
    if (account.environment === "live") setConfirming(body);
    else submit(body);
  };

  useImperativeHandle(
    props.handle,
    () => ({
      usePrice: (text) => {
        if (fields.kind === "StopMarket") edit({ trigger: text, triggerRises: null });
        else edit({ price: text, kind: fields.kind === "StopLimit" ? "StopLimit" : "Limit" });
      },
      focusSide: (side) => {
        edit({ side });
        const first: Path = isConditional(fields.kind) && fields.trigger === "" ? "trigger.price" : orderTypeOf(fields.kind) === "Limit" && fields.price === "" ? "price" : "quantity";
        inputs.current[first]?.focus();
      },
      focusPrice: () => (inputs.current.price ?? inputs.current["trigger.price"])?.focus(),
      focusQuantity: () => inputs.current.quantity?.focus(),
      submit: () => form.current?.requestSubmit(),
    }),
    [edit, fields.kind, fields.price, fields.trigger],
  );

  const isLinear = instrument.category === "linear";
  const isLimit = orderTypeOf(fields.kind) === "Limit";
  return (
    <aside className="panel ticket-panel" aria-label={t("ticket.title")} id="ticket" tabIndex={-1}>
      {/* Outside the form: its dialog has one of its own. */}
      <TicketHead
        account={account}
        instrument={instrument}
        facts={facts}
        block={leverageBlock(t, around, account)}
        asking={asksLeverage}
        onAsk={setAsksLeverage}
      />
      <Undecided account={account} instrument={instrument} />
      <form ref={form} className="ticket" noValidate data-testid="ticket-form" data-phase={ticket.phase.kind} onSubmit={onSubmit}>
        <KindTabs {...part} />
        <Segments
          label={t("ticket.side")}
          className="sides"
          value={fields.side}
          disabled={!editable}
          options={[
            { value: "Buy", label: isLinear ? t("ticket.buy_long") : t("ticket.buy"), testId: "ticket-side-buy" },
            { value: "Sell", label: isLinear ? t("ticket.sell_short") : t("ticket.sell"), testId: "ticket-side-sell" },
          ]}
          onChange={(side) => edit({ side })}
        />
        {isConditional(fields.kind) && <TriggerField {...part} />}
        {isLimit ? <PriceField {...part} /> : <p className="hint market-hint">{fields.kind === "Market" ? t("ticket.market_hint") : t("ticket.stop_market_hint")}</p>}
        <QuantityField {...part} />
        {isLimit && <TimeInForceField {...part} />}
        {fields.kind === "Market" && <SlippageField {...part} />}
        {isLinear && (
          <label className="tick">
            <input
              type="checkbox"
              checked={fields.reduceOnly}
              // Not `disabled`, here and in the other fields: sending by a key must not take the focus away.
              aria-disabled={!editable}
              data-testid="ticket-reduce-only"
              onChange={(event) => editable && edit({ reduceOnly: event.target.checked })}
            />
            {t("ticket.reduce_only")}
          </label>
        )}
        <ExitFields {...part} block={exitsBlock(t, around, fields)} />
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
          <OtherNotes {...part} fields={["note"]} />
        </details>
        <Preview asked={checked.asked} facts={facts} instrument={instrument} server={server} old={props.around.prices === "old"} />
        {editable && props.around.prices === "old" && fields.kind !== "Market" && !fields.reduceOnly && (
          <label className="tick caution">
            <input
              type="checkbox"
              checked={acceptsOldPrice}
              data-testid="ticket-old-price"
              onChange={(event) => setAcceptedOldMs(event.target.checked ? props.around.oldSinceMs : null)}
            />
            {t("ticket.send_with_old_price")}
          </label>
        )}
        {props.unknownOrders.length > 0 && editable && <p className="caution">{t("ticket.caution_unknown")}</p>}
        <div className="ticket-foot">
          <SubmitButton ticket={ticket} checked={checked} instrument={instrument} account={account} />
          <Outcome controls={controls} checked={checked} attempted={attempted} account={account} language={language} instrument={instrument} />
        </div>
      </form>
      {confirming !== null && (
        <ConfirmDialog
          body={confirming}
          checked={checked}
          instrument={instrument}
          account={account}
          onConfirm={submit}
          onClose={() => setConfirming(null)}
        />
      )}
    </aside>
  );
}

/** A trigger that came from elsewhere, the book or a suggestion, gets its direction here: it must not turn with the price. */
function useFrozenTrigger({ asked }: Checked, { fields, phase }: Ticket, edit: FormPart["edit"]): void {
  const { trigger, triggerCurrent } = asked;
  const isClear = trigger !== null && triggerCurrent !== null && !new Big(trigger.price).eq(triggerCurrent);
  const rises = phase.kind === "editing" && fields.triggerRises === null && isClear ? trigger.rises : null;
  useEffect(() => {
    if (rises !== null) edit({ triggerRises: rises });
  }, [rises, edit]);
}

function TimeInForceField({ ticket, editable, edit }: FormPart) {
  const { t } = useWords();
  return (
    <div className="field">
      <span className="label">{t("ticket.time_in_force")}</span>
      <Segments
        label={t("ticket.time_in_force")}
        className="times"
        value={ticket.fields.timeInForce}
        disabled={!editable}
        options={TIMES.map((value) => ({
          value,
          label: value === "PostOnly" ? "Post-only" : value,
          title: t(`ticket.tif_hint_${value as "GTC"}`),
          testId: `ticket-tif-${value}`,
        }))}
        onChange={(timeInForce) => edit({ timeInForce })}
      />
    </div>
  );
}

function SlippageField(part: FormPart) {
  const { t, language } = useWords();
  return (
    <NumberField
      label={t("ticket.slippage")}
      value={part.ticket.fields.slippage}
      unit="%"
      step={SLIPPAGE_STEP}
      stepText={stepped(SLIPPAGE_STEP, SLIPPAGE_STEP, language)}
      start="0.5"
      faulty={isFaulty(part.checked, "slippage_percent", spotOf)}
      disabled={!part.editable}
      testId="ticket-slippage"
      inputRef={inputRef(part, "slippage_percent")}
      onChange={(slippage) => part.edit({ slippage })}
    >
      <FieldNotes path="slippage_percent" {...part} />
    </NumberField>
  );
}

/** Whether enough is typed to ask the server what it comes to. */
function isComplete(block: Block | null): boolean {
  switch (block?.kind) {
    case "empty":
    case "not_a_number":
    case "ambiguous":
    case "viewer":
    case "read_only":
    case "link":
    case "account_loading":
    case "cannot":
    case "no_exits":
    case "no_trigger_price":
      return false;
    default:
      return true;
  }
}

function focusBlock(block: Block | null, focus: (path: Path) => void): void {
  switch (block?.kind) {
    case "empty":
    case "not_a_number":
    case "ambiguous":
      return focus(block.field);
    case "rule":
      return focus(spotOf(block.finding.field) as Path);
    case "no_trigger_price":
      return focus("trigger.price");
    case "no_exits":
      return focus("stop_loss.trigger_price");
    default:
  }
}

/** Why exits cannot be asked for with this order; null when they can. */
function exitsBlock(t: Words, { can, instrument }: Surroundings, { reduceOnly, kind }: TicketFields): string | null {
  if (!can.can_attach_exits) return t("ticket.cannot.exits");
  if (reduceOnly) return t("ticket.exits_reduce_only");
  return instrument.category === "spot" && kind !== "Limit" ? t("ticket.exits_spot_limit") : null;
}

function leverageBlock(t: Words, around: Surroundings, account: Account): string | null {
  if (around.bar !== null) return t(`ticket.block_${around.bar}`);
  if (!around.can.can_set_leverage) return t("ticket.cannot.leverage");
  if (around.link !== "up") return t("ticket.block_link");
  if (around.account === "ready") return null;
  if (around.account === "loading") return t("ticket.block_account_loading");
  return t("ticket.leverage_account", { account: accountName(t, account), state: t(`links.session.${account.session.state}`) });
}
