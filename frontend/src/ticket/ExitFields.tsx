/** Take-profit and stop-loss of the order that is being written: their prices, what sets them off, how they leave. */
import type { TriggerBy } from "../api/types";
import { grouping, signed, stepped } from "../format/number";
import { useWords } from "../i18n/useWords";
import { percentAway } from "../rules/exits";
import { Choice } from "../ui/Choice";
import { spotOf } from "./checks";
import type { ExitUnit, LegFields } from "./fields";
import { inputRef, isFaulty, type FormPart } from "./form";
import { FieldNotes } from "./Notes";
import { NumberField } from "./NumberField";
import { TriggerByChoice } from "./PriceFields";

type Name = "take_profit" | "stop_loss";

export function ExitFields(part: FormPart & { readonly block: string | null }) {
  const { t } = useWords();
  const { fields } = part.ticket;
  // What is switched on can always be switched off again.
  const closed = !part.editable || (part.block !== null && !fields.exits);
  return (
    <>
      <label className="tick">
        <input
          type="checkbox"
          checked={fields.exits && !fields.reduceOnly}
          aria-disabled={closed || fields.reduceOnly}
          data-testid="ticket-exits"
          onChange={(event) => !closed && !fields.reduceOnly && part.edit({ exits: event.target.checked })}
        />
        {t("ticket.exits")}
      </label>
      {part.block !== null && <p className="hint">{part.block}</p>}
      {fields.exits && !fields.reduceOnly && (
        <div className="exits" role="group" aria-label={t("ticket.exits")}>
          <Leg part={part} name="take_profit" leg={fields.takeProfit} onChange={(takeProfit) => part.edit({ takeProfit })} />
          <Leg part={part} name="stop_loss" leg={fields.stopLoss} onChange={(stopLoss) => part.edit({ stopLoss })} />
        </div>
      )}
    </>
  );
}

type LegProps = { readonly part: FormPart; readonly name: Name; readonly leg: LegFields; readonly onChange: (leg: LegFields) => void };

function Leg({ part, name, leg, onChange }: LegProps) {
  const { t, language } = useWords();
  const { instrument, checked, editable } = part;
  const { asked } = checked;
  const path = `${name}.trigger_price` as const;
  const limitPath = `${name}.limit_price` as const;
  const exit = name === "take_profit" ? asked.draft.takeProfit : asked.draft.stopLoss;
  const away = exit === null || asked.entry === null ? null : percentAway(exit.triggerPrice, asked.entry);
  const units: readonly ExitUnit[] = name === "take_profit" ? ["price", "percent", "r"] : ["price", "percent"];
  const unitNames: Readonly<Record<ExitUnit, string>> = { price: instrument.quote_coin, percent: "%", r: "R" };
  const field = asked.readings[path];
  const isDistance = leg.unit !== "price" || (field?.kind === "number" && field.share);
  const label = t(`ticket.${name}`);
  const tick = stepped(instrument.tick_size, instrument.tick_size, language);
  return (
    <div className="exit">
      <NumberField
        label={label}
        value={leg.text}
        unit={unitNames[leg.unit]}
        step={leg.unit === "price" ? instrument.tick_size : "0.1"}
        stepText={leg.unit === "price" ? tick : grouping("0.1", language)}
        start={leg.unit === "price" ? asked.entry : "0"}
        faulty={isFaulty(checked, path, spotOf)}
        disabled={!editable}
        testId={`ticket-${name === "take_profit" ? "take-profit" : "stop-loss"}`}
        inputRef={inputRef(part, path)}
        aside={
          <Choice
            label={t("ticket.exit_unit", { exit: label })}
            value={leg.unit}
            disabled={!editable}
            testId={`ticket-${name}-unit`}
            options={units.map((value) => ({ value, label: t(`ticket.exit_unit_${value}`) }))}
            onChange={(unit) => onChange({ ...leg, unit, text: "" })}
          />
        }
        onChange={(text) => onChange({ ...leg, text })}
      >
        <FieldNotes path={path} {...part} />
        {exit !== null && (
          <span className="hint" data-testid={`ticket-${name}-price`}>
            {isDistance && `= ${stepped(exit.triggerPrice, instrument.tick_size, language)} `}
            {away !== null && `${signed(grouping(away, language))}\u202f%`}
          </span>
        )}
      </NumberField>
      <span className="choices">
        {instrument.category === "linear" && (
          <TriggerByChoice
            label={t("ticket.exit_by", { exit: label })}
            value={leg.by}
            disabled={!editable}
            testId={`ticket-${name}-by`}
            onChange={(by: TriggerBy) => onChange({ ...leg, by })}
          />
        )}
        <Choice
          label={t("ticket.exit_kind", { exit: label })}
          value={leg.isLimit ? "limit" : "market"}
          disabled={!editable}
          testId={`ticket-${name}-kind`}
          options={[
            { value: "market", label: t("ticket.exit_market") },
            { value: "limit", label: t("ticket.exit_limit") },
          ]}
          onChange={(kind) => onChange({ ...leg, isLimit: kind === "limit" })}
        />
      </span>
      {leg.isLimit && (
        <NumberField
          label={t("ticket.exit_limit_price", { exit: label })}
          value={leg.limit}
          unit={instrument.quote_coin}
          step={instrument.tick_size}
          stepText={tick}
          start={exit?.triggerPrice ?? asked.entry}
          faulty={isFaulty(checked, limitPath, spotOf)}
          disabled={!editable}
          testId={`ticket-${name}-limit`}
          inputRef={inputRef(part, limitPath)}
          onChange={(limit) => onChange({ ...leg, limit })}
        >
          <FieldNotes path={limitPath} {...part} />
        </NumberField>
      )}
    </div>
  );
}
