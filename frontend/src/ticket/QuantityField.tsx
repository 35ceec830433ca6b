/** How much: in one of four units, by the slider as a share of what is available, and what it comes to in base coin. */
import Big from "big.js";
import { useRef } from "react";
import type { SizingUnit } from "../api/types";
import { amount, plain, stepped } from "../format/number";
import { useWords } from "../i18n/useWords";
import { Choice } from "../ui/Choice";
import { toStepDown } from "../rules/order";
import { spotOf } from "./checks";
import { amountStep, isAmount, unitOf, type TicketFields } from "./fields";
import { inputRef, isFaulty, type FormPart } from "./form";
import { FieldNotes, OtherNotes } from "./Notes";
import { NumberField } from "./NumberField";
import { quantityWords } from "./sentence";

const MARKS = [25, 50, 75, 100] as const;
const SNAP = 3; // percent to either side of a mark, while it is dragged

export function QuantityField(part: FormPart) {
  const { t, language } = useWords();
  const { instrument, checked, editable } = part;
  const { fields } = part.ticket;
  const { asked } = checked;
  const unit = unitOf(fields, instrument.category);
  const quoteStep = amountStep(instrument);
  const steps: Readonly<Record<SizingUnit, string>> = { base: instrument.quantity_step, quote: "1", percent: "1", risk: "1" };
  const names: Readonly<Record<SizingUnit, string>> = { base: instrument.base_coin, quote: instrument.quote_coin, percent: "%", risk: instrument.quote_coin };
  // A spot order at market has no stop to be measured by.
  const offersRisk = instrument.category === "linear" || fields.kind === "Limit" || unit === "risk";
  const options: readonly SizingUnit[] = ["base", "quote", "percent", ...(offersRisk ? (["risk"] as const) : [])];
  return (
    <NumberField
      label={unit === "risk" ? t("ticket.quantity_risk") : t("ticket.quantity")}
      value={fields.quantity}
      unit={names[unit]}
      step={steps[unit]}
      stepText={stepped(steps[unit], steps[unit], language)}
      start="0"
      faulty={isFaulty(checked, "quantity", spotOf)}
      disabled={!editable}
      testId="ticket-quantity"
      inputRef={inputRef(part, "quantity")}
      aside={
        <Choice
          label={t("ticket.unit")}
          value={unit}
          disabled={!editable}
          testId="ticket-unit"
          options={options.map((value) => ({ value, label: unitName(value) }))}
          onChange={(next) => part.edit({ unit: next, quantity: converted(next) })}
        />
      }
      onChange={(quantity) => part.edit({ quantity })}
    >
      <FieldNotes path="quantity" {...part} />
      <OtherNotes {...part} fields={["reduce_only"]} />
      <Comes {...part} />
      <SizeSlider {...part} />
    </NumberField>
  );

  function unitName(value: SizingUnit): string {
    if (value === "base") return instrument.base_coin;
    if (value === "quote") return instrument.quote_coin;
    return value === "percent" ? (fields.reduceOnly ? t("ticket.unit_percent_position") : t("ticket.unit_percent")) : t("ticket.unit_risk");
  }

  /** The same order in the new unit, where that can be said; else the field is for typing anew. */
  function converted(next: SizingUnit): string {
    const { draft, entry } = asked;
    const worth = asked.preview.orderValue;
    if (next === "base" && draft.quantityUnit === "base" && new Big(draft.quantity).gt(0)) return draft.quantity;
    if (next === "base" && entry !== null && new Big(entry).gt(0) && new Big(draft.quantity).gt(0)) {
      return plain(toStepDown(new Big(draft.quantity).div(entry), new Big(instrument.quantity_step)));
    }
    return next === "quote" && worth !== null ? plain(toStepDown(new Big(worth), new Big(quoteStep))) : "";
  }
}

/** "≈ 0.05 BTC" of an amount or a share, "≈ 3 000 USDT" of a quantity. */
function Comes({ checked, instrument, ticket }: FormPart) {
  const { t, language } = useWords();
  const { draft, unit, preview } = checked.asked;
  if (new Big(draft.quantity).lte(0)) return null;
  const isBase = unit === "base" || isAmount(ticket.fields, instrument.category);
  if (isBase && preview.orderValue === null) return null;
  const text = !isBase
    ? quantityWords(draft.quantity, draft.quantityUnit, instrument, language)
    : draft.quantityUnit === "base"
      ? `${amount(preview.orderValue, language)} ${instrument.quote_coin}`
      : preview.expectedPrice === null
        ? null
        : quantityWords(plain(toStepDown(new Big(draft.quantity).div(preview.expectedPrice), new Big(instrument.quantity_step))), "base", instrument, language);
  return text === null ? null : (
    <span className="hint" data-testid="ticket-comes-to">
      {t("ticket.comes_to", { amount: text })}
    </span>
  );
}

function SizeSlider(part: FormPart) {
  const { t } = useWords();
  const dragging = useRef(false);
  const { fields } = part.ticket;
  const closed = !part.editable;
  const percent = shareOf(part);
  const label = fields.reduceOnly ? t("ticket.slider_position") : t("ticket.slider");
  const choose = (share: number): void => {
    if (!closed) part.edit(sized(part, share));
  };
  return (
    <span className="size-slider">
      <input
        type="range"
        min={0}
        max={100}
        step={1}
        value={percent}
        disabled={closed}
        aria-label={label}
        aria-valuetext={`${percent} %`}
        data-testid="ticket-slider"
        onPointerDown={() => {
          dragging.current = true;
        }}
        onPointerUp={() => {
          dragging.current = false;
        }}
        onChange={(event) => {
          const share = Number(event.target.value);
          choose(dragging.current ? snapped(share) : share);
        }}
      />
      <span className="marks">
        {MARKS.map((mark) => (
          <button key={mark} type="button" className="link-button" disabled={closed} data-testid={`ticket-share-${mark}`} onClick={() => choose(mark)}>
            {mark}&nbsp;%
          </button>
        ))}
      </span>
    </span>
  );
}

/** Drawn to a mark only by the pointer: the arrow keys must be able to leave one. */
export function snapped(share: number): number {
  return MARKS.find((mark) => Math.abs(mark - share) <= SNAP) ?? share;
}

/** What the typed size is of what would be possible, in whole percent. */
function shareOf({ checked }: FormPart): number {
  const { unit, size, most, draft } = checked.asked;
  if (unit === "percent") return size === null ? 0 : Math.min(100, Math.max(0, Math.round(Number(size))));
  if (most === null || new Big(draft.quantity).lte(0)) return 0;
  return Math.min(100, Number(new Big(draft.quantity).div(most).times(100).toFixed(0)));
}

/**
 * The slider's share, written in the unit that is chosen. A risk has no share of what is available, and where it is not
 * known yet what the share comes to, it stays a share.
 */
function sized({ checked, instrument, ticket }: FormPart, share: number): Partial<TicketFields> {
  const unit = unitOf(ticket.fields, instrument.category);
  const { most, entry } = checked.asked;
  if (share === 0) return { quantity: "" };
  if (unit === "percent" || unit === "risk" || most === null) return { unit: "percent", quantity: String(share) };
  const part = new Big(most).times(share).div(100);
  if (isAmount(ticket.fields, instrument.category)) return { quantity: plain(toStepDown(part, new Big(amountStep(instrument)))) };
  const base = share === 100 ? part : toStepDown(part, new Big(instrument.quantity_step));
  if (unit === "base") return { quantity: plain(base) };
  return entry === null ? { unit: "percent", quantity: String(share) } : { quantity: plain(toStepDown(base.times(entry), new Big(amountStep(instrument)))) };
}
