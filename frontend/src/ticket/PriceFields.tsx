/** The prices of a ticket: the trigger of a conditional order with its direction in words, and the limit. */
import Big from "big.js";
import type { Ticker, TriggerBy } from "../api/types";
import { grouping, stepped } from "../format/number";
import { triggerWords } from "../i18n/sentences";
import { useWords } from "../i18n/useWords";
import { priceBy, quotesOf } from "../rules/parts";
import { Choice } from "../ui/Choice";
import { Segments } from "../ui/Segments";
import { spotOf } from "./checks";
import { TRIGGERS, type OrderKind } from "./fields";
import { inputRef, isFaulty, type FormPart } from "./form";
import { FieldNotes } from "./Notes";
import { NumberField } from "./NumberField";
import { readField } from "./reading";

type Tab = "Limit" | "Market" | "Conditional";

export function KindTabs(part: FormPart) {
  const { t } = useWords();
  const { kind } = part.ticket.fields;
  const tab: Tab = kind === "Limit" || kind === "Market" ? kind : "Conditional";
  const choose = (next: Tab): void => {
    if (next !== tab) part.edit({ kind: next === "Conditional" ? (kind === "Market" ? "StopMarket" : "StopLimit") : next });
  };
  return (
    <>
      <Segments
        label={t("ticket.type")}
        value={tab}
        disabled={!part.editable}
        options={[
          { value: "Limit", label: t("ticket.limit"), testId: "ticket-type-limit" },
          { value: "Market", label: t("ticket.market"), testId: "ticket-type-market" },
          { value: "Conditional", label: t("ticket.conditional"), testId: "ticket-type-conditional" },
        ]}
        onChange={choose}
      />
      {tab === "Conditional" && (
        <Segments<OrderKind>
          label={t("ticket.conditional_type")}
          className="times"
          value={kind}
          disabled={!part.editable}
          options={[
            { value: "StopLimit", label: t("ticket.stop_limit"), testId: "ticket-stop-limit" },
            { value: "StopMarket", label: t("ticket.stop_market"), testId: "ticket-stop-market" },
          ]}
          onChange={(next) => part.edit({ kind: next })}
        />
      )}
    </>
  );
}

export function TriggerByChoice(props: { readonly value: TriggerBy; readonly disabled: boolean; readonly testId: string; readonly label: string; readonly onChange: (by: TriggerBy) => void }) {
  const { t } = useWords();
  return (
    <Choice
      label={props.label}
      value={props.value}
      disabled={props.disabled}
      testId={props.testId}
      options={TRIGGERS.map((value) => ({ value, label: t(`ticket.by_${value}`) }))}
      onChange={props.onChange}
    />
  );
}

export function TriggerField(part: FormPart) {
  const { t, language } = useWords();
  const { instrument, checked, editable } = part;
  const { fields } = part.ticket;
  const { trigger, triggerCurrent } = checked.asked;
  const reading = checked.asked.readings["trigger.price"];
  const watched = (by: TriggerBy): string | null => priceBy(quotesOf(part.ticker), by);
  /** Fixed while it is typed: a price that passes the trigger later must not turn its meaning round. */
  const change = (typed: string, by: TriggerBy): void => {
    const field = readField(typed, language);
    const current = watched(by);
    const known = field.kind === "number" && !field.share && current !== null && !new Big(field.value).eq(current);
    part.edit({ trigger: typed, triggerBy: by, triggerRises: known ? new Big(field.value).gt(current) : null });
  };
  return (
    <NumberField
      label={t("ticket.trigger_price")}
      value={fields.trigger}
      unit={instrument.quote_coin}
      step={instrument.tick_size}
      stepText={stepped(instrument.tick_size, instrument.tick_size, language)}
      start={triggerCurrent}
      faulty={isFaulty(checked, "trigger.price", spotOf)}
      disabled={!editable}
      testId="ticket-trigger"
      inputRef={inputRef(part, "trigger.price")}
      aside={
        instrument.category === "linear" && (
          <TriggerByChoice
            label={t("ticket.trigger_by")}
            value={fields.triggerBy}
            disabled={!editable}
            testId="ticket-trigger-by"
            onChange={(by) => change(fields.trigger, by)}
          />
        )
      }
      onChange={(typed) => change(typed, fields.triggerBy)}
      onBlur={() => {
        if (reading?.kind === "number" && reading.share) change(reading.value, fields.triggerBy);
      }}
    >
      <FieldNotes path="trigger.price" {...part} />
      {trigger !== null && (
        <span className="hint" data-testid="ticket-trigger-sentence">
          {t("ticket.triggers", { when: triggerWords(t, trigger, instrument, language) })}
          {triggerCurrent !== null && ` ${t("ticket.trigger_now", { price: stepped(triggerCurrent, instrument.tick_size, language) })}`}
        </span>
      )}
    </NumberField>
  );
}

export function PriceField(part: FormPart) {
  const { t, language } = useWords();
  const { instrument, checked, ticker, editable } = part;
  const { fields } = part.ticket;
  const reading = checked.asked.readings.price;
  return (
    <NumberField
      label={t("ticket.price")}
      value={fields.price}
      unit={instrument.quote_coin}
      step={instrument.tick_size}
      stepText={stepped(instrument.tick_size, instrument.tick_size, language)}
      start={ticker?.last_price ?? null}
      faulty={isFaulty(checked, "price", spotOf)}
      disabled={!editable}
      testId="ticket-price"
      inputRef={inputRef(part, "price")}
      aside={<QuickPrices ticker={ticker} disabled={!editable} onPick={(price) => part.edit({ price })} />}
      onChange={(price) => part.edit({ price })}
      // A distance from the market is one from the market of this moment: it must not wander off with it.
      onBlur={() => {
        if (reading?.kind === "number" && reading.share) part.edit({ price: reading.value });
      }}
    >
      {reading?.kind === "number" && reading.share && <span className="hint">= {grouping(reading.value, language)}</span>}
      <FieldNotes path="price" {...part} />
    </NumberField>
  );
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
