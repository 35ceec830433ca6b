/**
 * What a change of limits would allow more of is typed by its name before it is set; with real money a word beside it.
 *
 * The server says which limits these are. Not here: the form (`Limits`), the proof of who asks (`auth/stepUp`).
 */
import { useId, useState, type FormEvent } from "react";
import { Refused, type FieldProblem } from "../api/errors";
import type { LimitName } from "../api/types";
import { UNKNOWN } from "../format/number";
import { useWords } from "../i18n/useWords";
import { Dialog } from "../ui/Dialog";

const NAMED = "limits.confirmation_needed";
const LIVE = "limits.live_needed";

/** The questions that a refusal asks; null where it is about something else, or about more. */
export function questionsOf(error: unknown): readonly FieldProblem[] | null {
  if (!(error instanceof Refused) || error.problem.problems.length === 0) return null;
  return error.problem.problems.every(({ code }) => code === NAMED || code === LIVE) ? error.problem.problems : null;
}

type Props = {
  readonly questions: readonly FieldProblem[];
  readonly numberOf: (value: string) => string;
  readonly pending: boolean;
  /** Why it failed after all. */
  readonly fault: string | null;
  readonly onConfirm: (confirmations: readonly string[]) => void;
  readonly onClose: () => void;
};

export function Loosening({ questions, numberOf, pending, fault, onConfirm, onClose }: Props) {
  const { t, language } = useWords();
  const id = useId();
  const [typed, setTyped] = useState<Readonly<Record<string, string>>>({});
  const asked = questions.map(({ code, params }) => {
    if (code === LIVE) return { key: LIVE, phrase: String(params[language]), said: String(params[language]), change: null };
    const name = String(params["name"]) as LimitName | "symbols";
    return { key: name, phrase: t(`ticket.limit_name.${name}`), said: name, change: changeOf(params) };
  });
  function changeOf(params: FieldProblem["params"]): string {
    if (params["name"] === "symbols") return t("standing.loosen_symbols");
    const [before, after] = [params["before"], params["after"]];
    return t("standing.loosen_change", {
      before: typeof before === "string" ? numberOf(before) : UNKNOWN,
      after: typeof after === "string" ? numberOf(after) : t("standing.loosen_none"),
    });
  }
  const closed = pending || asked.some(({ key, phrase }) => !isSame(typed[key] ?? "", phrase, language));
  const onSubmit = (event: FormEvent): void => {
    event.preventDefault();
    if (!closed) onConfirm(asked.map(({ said }) => said));
  };
  return (
    <Dialog title={t("standing.loosen_title")} testId="loosening" onClose={onClose}>
      {(close) => (
        <form className="stack wide" noValidate onSubmit={onSubmit}>
          <p>{t("standing.loosen_text")}</p>
          {asked.some(({ key }) => key === LIVE) && <p className="caution">{t("standing.loosen_ends_arming")}</p>}
          {asked.map(({ key, phrase, change }) => (
            <div key={key} className="field">
              <label htmlFor={`${id}-${key}`}>{t("standing.loosen_type", { phrase })}</label>
              <input
                id={`${id}-${key}`}
                className="input"
                autoComplete="off"
                autoCapitalize="off"
                spellCheck={false}
                value={typed[key] ?? ""}
                aria-describedby={change === null ? undefined : `${id}-${key}-change`}
                data-testid={`loosen-${key}`}
                onChange={(event) => setTyped((before) => ({ ...before, [key]: event.target.value }))}
              />
              {change !== null && (
                <span id={`${id}-${key}-change`} className="hint">
                  {change}
                </span>
              )}
            </div>
          ))}
          {fault !== null && (
            <p className="fault" role="alert" data-testid="loosen-fault">
              {fault}
            </p>
          )}
          <div className="row">
            <button type="button" className="button" data-first onClick={close}>
              {t("actions.leave")}
            </button>
            <button type="submit" className="button danger" data-testid="loosen-submit" aria-disabled={closed}>
              {pending ? t("standing.saving") : t("standing.loosen_submit")}
            </button>
          </div>
        </form>
      )}
    </Dialog>
  );
}

function isSame(typed: string, phrase: string, language: string): boolean {
  return typed.trim().toLocaleLowerCase(language) === phrase.toLocaleLowerCase(language);
}
