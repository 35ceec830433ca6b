/** The limits in force with what is used of each, and the setting of what one level says. */
import { useMutation, useQuery } from "@tanstack/react-query";
import Big from "big.js";
import { useId, useState, type FormEvent } from "react";
import { Refused, type FieldProblem } from "../api/errors";
import { putLimits } from "../api/standing";
import type { LimitLevel, LimitName, LimitsBody, LimitsState } from "../api/types";
import { notices, queries } from "../app/services";
import { useStepUp } from "../auth/stepUp";
import { decimalsOf, fixed, UNKNOWN, type Language } from "../format/number";
import { useWords } from "../i18n/useWords";
import { failureText, problemText } from "../i18n/words";
import { readField, withoutShare } from "../ticket/reading";
import { Failure } from "../ui/Failure";
import { Segments } from "../ui/Segments";
import { Waiting } from "../ui/Waiting";
import { Loosening, questionsOf } from "./Loosening";
import { limitsQuery } from "./queries";

type Props = { readonly accountId: string; readonly maySet: boolean; readonly isOperator: boolean };

/** Of these a share is used up; of the rest each order is measured by itself. */
const WARN_FROM = 0.8;

export function Limits({ accountId, maySet, isOperator }: Props) {
  const { t, language } = useWords();
  const limits = useQuery(limitsQuery(accountId));
  const [editing, setEditing] = useState(false);
  return (
    <section aria-labelledby="limits-title" data-testid="limits">
      <div className="settings-head">
        <h2 id="limits-title">{t("standing.limits")}</h2>
        <span className="spacer" />
        {limits.data !== undefined && !editing && (
          <button type="button" className="button small" data-testid="limits-edit" disabled={!maySet} title={maySet ? undefined : t("standing.limits_owner")} onClick={() => setEditing(true)}>
            {t("standing.limits_edit")}
          </button>
        )}
      </div>
      <p className="hint">{t("standing.limits_hint")}</p>
      {limits.isError && limits.data === undefined && <Failure what={t("standing.limits")} error={limits.error} onRetry={() => void limits.refetch()} />}
      {limits.data === undefined && !limits.isError && <Waiting rows={8} onRetry={() => void limits.refetch()} />}
      {limits.data !== undefined && (
        <div className="table-scroll">
          <table className="table">
            <thead>
              <tr>
                <th scope="col">{t("standing.limit")}</th>
                <th scope="col" className="number">
                  {t("standing.used_now")}
                </th>
                <th scope="col" className="number">
                  {t("standing.allowed")}
                </th>
                <th scope="col">{t("standing.level")}</th>
              </tr>
            </thead>
            <tbody>
              {limits.data.limits.map((each) => (
                <tr key={each.name} data-testid="limit-row" data-limit={each.name}>
                  <th scope="row">
                    {t(`ticket.limit_name.${each.name}`)} <span className="muted">{t(`standing.unit_of.${each.name}`)}</span>
                  </th>
                  <td className={`number ${isNear(each) ? "caution" : ""}`}>
                    {plainNumber(each.used, language)}
                    {isNear(each) && <span> · {t("standing.near")}</span>}
                  </td>
                  <td className="number">{each.allowed === null ? t("standing.no_limit") : plainNumber(each.allowed, language)}</td>
                  <td>{t(`standing.level_of.${each.level}`)}</td>
                </tr>
              ))}
              <tr data-testid="limit-row" data-limit="symbols">
                <th scope="row">{t("ticket.limit_name.symbols")}</th>
                <td className="number">{UNKNOWN}</td>
                <td className="number">{limits.data.symbols === null ? t("standing.all_symbols") : limits.data.symbols.join(", ")}</td>
                <td>{t(`standing.level_of.${limits.data.symbols_level}`)}</td>
              </tr>
            </tbody>
          </table>
        </div>
      )}
      {editing && limits.data !== undefined && <Edit accountId={accountId} state={limits.data} isOperator={isOperator} onDone={() => setEditing(false)} />}
    </section>
  );
}

function isNear(limit: LimitsState["limits"][number]): boolean {
  return limit.used !== null && limit.allowed !== null && new Big(limit.used).gte(new Big(limit.allowed).times(WARN_FROM)) && !new Big(limit.used).eq(0);
}

/** Every digit, for what will be sent back. */
function whole(value: string, language: Language): string {
  return fixed(value, decimalsOf(value), language);
}

function plainNumber(value: string | null, language: Language): string {
  return value === null ? UNKNOWN : whole(new Big(value).round(4).toFixed(), language);
}

const LEVELS: readonly LimitLevel[] = ["account", "workspace", "installation"];
type Typed = Readonly<Partial<Record<LimitName, string>>>;

function Edit({ accountId, state, isOperator, onDone }: { accountId: string; state: LimitsState; isOperator: boolean; onDone: () => void }) {
  const { t, language } = useWords();
  const id = useId();
  const [level, setLevel] = useState<LimitLevel>("account");
  const said = state.levels.find((each) => each.level === level);
  // What a level says itself: a limit it names with no value is "no limit", told apart from one that it does not name.
  const heldOf = (name: LimitName): string => {
    const setting = said?.limits.find((each) => each.name === name);
    return setting === undefined ? "" : setting.value === null ? NONE : whole(setting.value, language);
  };
  const [typed, setTyped] = useState<Typed>({});
  const [symbols, setSymbols] = useState<string | null>(null);
  const valueOf = (name: LimitName): string => typed[name] ?? heldOf(name);
  const symbolsText = symbols ?? said?.symbols?.join(", ") ?? "";
  const names = state.limits.map((each) => each.name);
  const read = names.map((name) => ({ name, text: valueOf(name).trim(), field: withoutShare(readField(valueOf(name), language), valueOf(name)) }));
  const unread = read.filter((each) => each.text !== "" && each.text !== NONE && each.field.kind !== "number");
  const withProof = useStepUp();
  const [questions, setQuestions] = useState<readonly FieldProblem[] | null>(null);
  const saving = useMutation({
    mutationFn: (confirmations: readonly string[]) => {
      const asked: LimitsBody = {
        level,
        limits: read.flatMap(({ name, text, field }): LimitsBody["limits"] => {
          if (text === NONE) return [{ name, value: null }];
          return field.kind === "number" ? [{ name, value: new Big(field.value).toFixed() }] : [];
        }),
        symbols: symbolsText.trim() === "" ? null : symbolsText.split(/[\s,;]+/).filter((each) => each !== "").map((each) => each.toUpperCase()),
        confirmations: [...confirmations],
      };
      return withProof(() => putLimits(accountId, asked));
    },
    onSuccess: (now) => {
      queries.setQueryData(limitsQuery(accountId).queryKey, now);
      notices.speak(t("standing.limits_saved"));
      onDone();
    },
    // The limits may have been set meanwhile by somebody else: then more is asked for than was.
    onError: (error) => setQuestions((before) => questionsOf(error) ?? before),
  });
  const fault = saving.isError && questionsOf(saving.error) === null ? saving.error : null;
  const onSubmit = (event: FormEvent): void => {
    event.preventDefault();
    if (unread.length === 0 && !saving.isPending) saving.mutate([]);
  };
  return (
    <>
      <form className="box stack" noValidate data-testid="limits-form" onSubmit={onSubmit}>
        <Segments
          label={t("standing.level")}
          value={level}
          options={LEVELS.filter((each) => each !== "installation" || isOperator).map((value) => ({ value, label: t(`standing.level_of.${value}`), testId: `limits-level-${value}` }))}
          onChange={(next) => {
            setLevel(next);
            setTyped({});
            setSymbols(null);
          }}
        />
        <p className="hint">{t("standing.limits_edit_hint")}</p>
        <div className="limit-fields">
          {names.map((name) => {
            const wrong = unread.some((each) => each.name === name);
            return (
              <div key={name} className="field">
                <label htmlFor={`${id}-${name}`} className="label">
                  {t(`ticket.limit_name.${name}`)} <span className="muted">{t(`standing.unit_of.${name}`)}</span>
                </label>
                <input
                  id={`${id}-${name}`}
                  className="input"
                  inputMode="decimal"
                  autoComplete="off"
                  value={valueOf(name)}
                  aria-invalid={wrong}
                  aria-describedby={wrong ? `${id}-${name}-wrong` : undefined}
                  data-testid={`limit-${name}`}
                  onChange={(event) => setTyped((before) => ({ ...before, [name]: event.target.value }))}
                />
                {wrong && (
                  <span id={`${id}-${name}-wrong`} className="fault">
                    {t("actions.not_a_number")}
                  </span>
                )}
              </div>
            );
          })}
          <div className="field">
            <label htmlFor={`${id}-symbols`} className="label">
              {t("ticket.limit_name.symbols")}
            </label>
            <input id={`${id}-symbols`} className="input" autoComplete="off" spellCheck={false} value={symbolsText} placeholder={t("standing.all_symbols")} data-testid="limit-symbols" onChange={(event) => setSymbols(event.target.value)} />
          </div>
        </div>
        {fault !== null && questions === null && (
          <div className="fault" role="alert" data-testid="limits-fault">
            {faultTexts(t, fault, language).map((text) => (
              <p key={text}>{text}</p>
            ))}
          </div>
        )}
        <div className="row">
          <button type="submit" className="button primary" data-testid="limits-save" aria-disabled={unread.length > 0 || saving.isPending}>
            {saving.isPending ? t("standing.saving") : t("standing.limits_save")}
          </button>
          <button type="button" className="button" onClick={onDone}>
            {t("actions.leave")}
          </button>
        </div>
      </form>
      {/* Beside the form: it has one of its own. */}
      {questions !== null && (
        <Loosening
          key={questions.map((each) => `${each.code}-${String(each.params["name"])}`).join()}
          questions={questions}
          numberOf={(value) => whole(value, language)}
          pending={saving.isPending}
          fault={fault === null ? null : faultTexts(t, fault, language).join(" ")}
          onConfirm={(confirmations) => saving.mutate(confirmations)}
          onClose={() => {
            setQuestions(null);
            saving.reset();
          }}
        />
      )}
    </>
  );
}

/** How "no limit" is typed, which only the installation may say. */
const NONE = "∞";

function faultTexts(t: ReturnType<typeof useWords>["t"], error: Error, language: Language): readonly string[] {
  if (!(error instanceof Refused) || error.problem.problems.length === 0) return [failureText(t, error, language).text];
  return error.problem.problems.map((each) => problemText(t, each.code, named(each.params, t), language));
}

function named(params: Readonly<Record<string, unknown>>, t: ReturnType<typeof useWords>["t"]): Record<string, unknown> {
  const name = params["name"];
  return typeof name === "string" ? { ...params, name: t(`ticket.limit_name.${name as LimitName}`) } : { ...params };
}
