/** "Change leverage": of the whole symbol, and says so; with its bounds, its step and what the size of the position allows. */
import Big from "big.js";
import { useEffect, useId, useRef, useState } from "react";
import type { Account, Instrument, Position } from "../api/types";
import { amount, grouping, plain, type Language } from "../format/number";
import { useWords } from "../i18n/useWords";
import { failureText, problemText, reasonLong, type Words } from "../i18n/words";
import { leverageProblems } from "../rules/change";
import { tierOf } from "../rules/parts";
import { Dialog } from "../ui/Dialog";
import { NumberField } from "./NumberField";
import { readField } from "./reading";
import { useLeverage, type LeverageState } from "./useLeverage";

type Props = {
  readonly account: Account;
  readonly instrument: Instrument;
  readonly position: Position | null;
  readonly current: string | null;
  /** Why it cannot be changed now; null when it can. */
  readonly block: string | null;
  readonly onClose: () => void;
};

export function LeverageDialog(props: Props) {
  const { t } = useWords();
  return (
    <Dialog title={t("ticket.leverage_of", { symbol: props.instrument.symbol })} testId="leverage-dialog" onClose={props.onClose}>
      {(close) => <LeverageForm {...props} close={close} />}
    </Dialog>
  );
}

function LeverageForm({ account, instrument, position, current, block, close }: Props & { readonly close: () => void }) {
  const { t, language } = useWords();
  const [typed, setTyped] = useState(current === null ? "" : plain(new Big(current)));
  const [confirmed, setConfirmed] = useState("");
  const { state, set } = useLeverage(account, instrument);
  const confirmId = useId();
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    // After the dialog has opened, which takes the focus to its first button.
    const frame = requestAnimationFrame(() => input.current?.select());
    return () => cancelAnimationFrame(frame);
  }, []);
  const field = readField(typed.replace(/[x×хX]\s*$/u, ""), language);
  const value = field.kind === "number" && !field.share ? field.value : null;
  const held = position === null || position.side === null ? null : position;
  const problems = value === null ? [] : leverageProblems(instrument, value, held?.value ?? null);
  const busy = state.kind === "sending" || state.kind === "waiting";
  const same = value !== null && current !== null && new Big(value).eq(current);
  const raises = value !== null && (current === null || new Big(value).gt(current));
  // Real money: more risk for the whole symbol is typed, not pressed.
  const mustType = account.environment === "live" && raises;
  const typedWell = !mustType || confirmed.trim().toUpperCase() === instrument.symbol;
  const closed = busy || block !== null || value === null || problems.length > 0 || same || !typedWell;
  return (
    <form
      className="leverage"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (!closed && value !== null) set(value);
      }}
    >
      <p>{t("ticket.leverage_whole_symbol", { symbol: instrument.symbol })}</p>
      <NumberField
        label={t("ticket.leverage")}
        value={typed}
        unit="×"
        step="1"
        stepText="1"
        start={current ?? instrument.min_leverage}
        faulty={problems.length > 0 || (typed.trim() !== "" && value === null)}
        disabled={busy}
        testId="leverage-value"
        inputRef={input}
        onChange={setTyped}
      >
        {problems.map((problem) => {
          const suggestion = problem.params["suggestion"] ?? (problem.code === "leverage.tier" ? problem.params["maximum"] : undefined);
          return (
            <span key={problem.code} className="fault" data-code={problem.code} data-testid="leverage-problem">
              {problemText(t, problem.code, problem.params, language)}{" "}
              {suggestion !== undefined && (
                <button type="button" className="link-button" onClick={() => setTyped(suggestion)}>
                  {t("ticket.use", { value: grouping(suggestion, language) })}
                </button>
              )}
            </span>
          );
        })}
        <span className="hint">
          {t("ticket.leverage_bounds", {
            minimum: plain(new Big(instrument.min_leverage)),
            maximum: plain(new Big(instrument.max_leverage)),
            step: grouping(plain(new Big(instrument.leverage_step)), language),
          })}
        </span>
        {held?.value != null && <TierNote t={t} instrument={instrument} value={held.value} />}
      </NumberField>
      {held?.value != null && value !== null && problems.length === 0 && new Big(value).gt(0) && (
        <p className="hint">
          {t("ticket.leverage_margin", {
            before: amount(held.initial_margin, language),
            after: amount(new Big(held.value).div(value), language),
            coin: instrument.settle_coin,
          })}
        </p>
      )}
      {mustType && (
        <span className="field">
          <label htmlFor={confirmId}>{t("ticket.type_to_confirm", { phrase: instrument.symbol })}</label>
          <input id={confirmId} className="input" autoComplete="off" value={confirmed} onChange={(event) => setConfirmed(event.target.value)} />
        </span>
      )}
      {block !== null && <p className="fault">{block}</p>}
      <Told t={t} state={state} language={language} />
      <span className="row">
        <button type="button" className="button" data-testid="leverage-close" onClick={close}>
          {state.kind === "done" ? t("common.close") : t("ticket.leave")}
        </button>
        {state.kind !== "done" && (
          <button type="submit" className="button primary" aria-disabled={closed} data-testid="leverage-set">
            {busy ? t("ticket.sending") : t("ticket.leverage_set", { value: value === null ? "…" : grouping(value, language), symbol: instrument.symbol })}
          </button>
        )}
      </span>
    </form>
  );
}

/** "Max 25× for this size (tier 3)". */
function TierNote({ t, instrument, value }: { t: Words; instrument: Instrument; value: string }) {
  const found = tierOf(instrument, new Big(value));
  if (found === null) return null;
  return <span className="hint">{t("ticket.leverage_tier", { maximum: plain(new Big(found[1].leverage_max)), tier: found[0] })}</span>;
}

function Told({ t, state, language }: { t: Words; state: LeverageState; language: Language }) {
  switch (state.kind) {
    case "editing":
    case "sending":
      return null;
    case "waiting":
      return (
        <p className="caution" role="status" data-testid="leverage-told">
          {state.unknown ? t("ticket.leverage_unknown") : t("ticket.leverage_accepted")}
        </p>
      );
    case "done":
      return (
        <p role="status" data-testid="leverage-told">
          {t("ticket.leverage_done", { value: grouping(plain(new Big(state.leverage)), language) })}
        </p>
      );
    case "turned_down":
      return (
        <p className="fault" role="alert" data-testid="leverage-told">
          {state.reason === null ? t("problems.unknown") : reasonLong(t, state.reason, language)}
        </p>
      );
    case "failed":
      return (
        <p className="fault" role="alert" data-testid="leverage-told">
          {failureText(t, state.error, language).text}
        </p>
      );
    default:
      return unheard(state);
  }
}

function unheard(_state: never): null {
  return null;
}
