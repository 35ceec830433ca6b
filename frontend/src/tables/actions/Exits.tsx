/** Take-profit and stop-loss of an open position: of its full size, at market, read back from the exchange. */
import Big from "big.js";
import { useState, type FormEvent } from "react";
import type { Environment, Instrument, Position, TriggerBy } from "../../api/types";
import { plain, stepped } from "../../format/number";
import { useWords } from "../../i18n/useWords";
import { problemText } from "../../i18n/words";
import { exitsProblems, type PositionExits } from "../../rules/change";
import type { Finding } from "../../rules/order";
import { quotesOf } from "../../rules/parts";
import { marketKey, useQuote } from "../../stream/hooks";
import { readField, type FieldState } from "../../ticket/reading";
import { Dialog } from "../../ui/Dialog";
import { NumberLine } from "./NumberLine";
import { useIntent } from "./useIntent";

type Props = {
  readonly position: Position;
  readonly environment: Environment;
  readonly instrument: Instrument;
  readonly block: string | null;
  readonly onClose: () => void;
};

const TRIGGERS: readonly TriggerBy[] = ["LastPrice", "MarkPrice", "IndexPrice"];

export function ExitsDialog(props: Props) {
  const { t } = useWords();
  return (
    <Dialog title={t("actions.exits_title", { symbol: props.position.symbol })} testId="exits-dialog" onClose={props.onClose}>
      {(close) => <Form {...props} close={close} />}
    </Dialog>
  );
}

function Form({ position, environment, instrument, block, close }: Props & { close: () => void }) {
  const { t, language } = useWords();
  const quote = useQuote(marketKey(environment, position));
  const show = (value: string | null): string => (value === null ? "" : stepped(value, instrument.tick_size, language));
  const start = { take_profit: show(position.take_profit), stop_loss: show(position.stop_loss), trailing_stop: show(position.trailing_stop), trailing_active_price: "" };
  const [typed, setTyped] = useState(start);
  const [by, setBy] = useState<TriggerBy>("MarkPrice");
  const { phase, fault, ask } = useIntent(position.account_id, { said: t("actions.exits_title", { symbol: position.symbol }), onTaken: close });
  const read = { take_profit: readField(typed.take_profit, language), stop_loss: readField(typed.stop_loss, language), trailing_stop: readField(typed.trailing_stop, language), trailing_active_price: readField(typed.trailing_active_price, language) };
  const trailing = asked(read.trailing_stop, position.trailing_stop);
  const begins = asked(read.trailing_active_price, null);
  const exits: PositionExits = {
    takeProfit: asked(read.take_profit, position.take_profit),
    stopLoss: asked(read.stop_loss, position.stop_loss),
    takeProfitBy: by,
    stopLossBy: by,
  };
  const standing = {
    positionSide: position.side,
    positionSize: position.size,
    positionValue: position.value,
    leverage: position.leverage,
    liquidationPrice: position.liquidation_price,
    cost: null,
    available: null,
  };
  // A trailing stop is judged by the server; here only what cannot be one is held back.
  const problems = [
    ...exitsProblems(instrument, exits, quotesOf(quote?.ticker ?? null), standing).filter((each) => trailing === null || each.code !== "exits.nothing_asked"),
    ...trailingProblems(instrument, trailing, begins),
  ];
  const unread = Object.values(read).some((each) => each.kind === "not_a_number" || each.kind === "ambiguous");
  const closed = block !== null || unread || problems.length > 0 || phase === "sending";
  const onSubmit = (event: FormEvent): void => {
    event.preventDefault();
    if (closed) return;
    ask({
      kind: "exits",
      category: "linear",
      symbol: position.symbol,
      take_profit: exits.takeProfit,
      stop_loss: exits.stopLoss,
      take_profit_by: by,
      stop_loss_by: by,
      trailing_stop: trailing,
      trailing_active_price: begins,
      position_index: legOf(position),
    });
  };
  return (
    <form className="stack wide" noValidate data-testid="exits-form" onSubmit={onSubmit}>
      {(["take_profit", "stop_loss"] as const).map((name) => (
        <NumberLine
          key={name}
          label={t(`actions.field_${name}`)}
          unit={instrument.quote_coin}
          step={instrument.tick_size}
          value={typed[name]}
          was={start[name]}
          testId={`exits-${name}`}
          field={read[name]}
          faults={problems.filter((each) => each.field === name).map((each) => problemText(t, each.code, each.params, language))}
          onChange={(value) => setTyped((before) => ({ ...before, [name]: value }))}
        />
      ))}
      {(["trailing_stop", "trailing_active_price"] as const).map((name) => (
        <NumberLine
          key={name}
          label={t(`actions.field_${name}`)}
          unit={instrument.quote_coin}
          step={instrument.tick_size}
          value={typed[name]}
          was={start[name]}
          testId={`exits-${name}`}
          field={read[name]}
          faults={problems.filter((each) => each.field === name).map((each) => problemText(t, each.code, each.params, language))}
          onChange={(value) => setTyped((before) => ({ ...before, [name]: value }))}
        />
      ))}
      <p className="hint">{t("actions.trailing_hint")}</p>
      <label className="field">
        <span className="label">{t("actions.trigger_by")}</span>
        <select className="input" value={by} data-testid="exits-by" onChange={(event) => setBy(TRIGGERS.find((each) => each === event.target.value) ?? "MarkPrice")}>
          {TRIGGERS.map((each) => (
            <option key={each} value={each}>
              {t(`actions.by_${each}`)}
            </option>
          ))}
        </select>
      </label>
      <p className="hint">{t("actions.exits_hint")}</p>
      {problems
        .filter((each) => each.field === "symbol")
        .map((each) => (
          <p key={each.code} className="caution">
            {problemText(t, each.code, each.params, language)}
          </p>
        ))}
      {block !== null && <p className="caution">{block}</p>}
      {fault !== null && (
        <p className="fault" role="alert" data-testid="action-fault">
          {fault}
        </p>
      )}
      <div className="row">
        <button type="submit" className="button primary" data-testid="exits-submit" aria-disabled={closed}>
          {phase === "sending" ? t("actions.sending") : phase === "unknown" ? t("actions.ask_again") : t("actions.exits_submit")}
        </button>
        <button type="button" className="button" onClick={close}>
          {t("actions.leave")}
        </button>
      </div>
    </form>
  );
}

/** The same two findings as on the server, for what is typed here: a distance on the step, and one where it begins later. */
function trailingProblems(instrument: Instrument, distance: string | null, begins: string | null): Finding[] {
  if (distance === null) return begins === null ? [] : [{ code: "exits.trailing_needed", field: "trailing_stop", params: {} }];
  const wanted = new Big(distance);
  const step = new Big(instrument.tick_size);
  if (wanted.eq(0) || wanted.mod(step).eq(0)) return [];
  return [{ code: "exits.trailing_step", field: "trailing_stop", params: { step: plain(step), suggestion: plain(wanted.div(step).round(0).times(step)) } }];
}

/** In hedge mode the leg; null where one position is held. */
function legOf(position: Position): 1 | 2 | null {
  return position.position_index === 1 || position.position_index === 2 ? position.position_index : null;
}

/** The new price, "0" for one that was emptied, null where it stays as it is. */
function asked(field: FieldState, held: string | null): string | null {
  if (field.kind === "empty") return held === null ? null : "0";
  if (field.kind !== "number") return null;
  return held !== null && new Big(field.value).eq(held) ? null : plain(new Big(field.value));
}
