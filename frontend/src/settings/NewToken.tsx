/** The form that makes an API token. What a role does not include is not offered. */
import { useMutation, useQuery } from "@tanstack/react-query";
import { useEffect, useId, useRef, useState, type FormEvent } from "react";
import { Refused } from "../api/errors";
import { postToken, type MadeToken, type TokenScope } from "../api/tokens";
import { queries } from "../app/services";
import { sessionQuery } from "../app/session";
import { useStepUp } from "../auth/stepUp";
import { useWords } from "../i18n/useWords";
import { failureText, problemText } from "../i18n/words";

const SCOPES: readonly TokenScope[] = ["read", "trade", "manage"];
const DAYS = [7, 30, 90, 365] as const;

export function NewToken({ onMade, onCancel }: { onMade: (made: MadeToken) => void; onCancel: () => void }) {
  const { t, language } = useWords();
  const id = useId();
  const withProof = useStepUp();
  const session = useQuery(sessionQuery);
  const isViewer = session.data?.workspace?.role === "viewer";
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState<readonly TokenScope[]>(["read"]);
  const [days, setDays] = useState<number>(30);
  const [tried, setTried] = useState(false);
  const first = useRef<HTMLInputElement>(null);
  useEffect(() => first.current?.focus(), []);
  const making = useMutation({
    mutationFn: () => withProof(() => postToken({ name: name.trim(), scopes: [...scopes], expires_in_days: days })),
    onSuccess: async (made) => {
      onMade(made);
      await queries.invalidateQueries({ queryKey: ["tokens"] });
    },
  });
  const told = (field: string): string | null => {
    const problem = making.error instanceof Refused ? making.error.problem.problems.find((each) => each.field === field) : undefined;
    return problem === undefined ? null : problemText(t, problem.code, problem.params, language);
  };
  const nameFault = tried && name.trim() === "" ? t("tokens.name_required") : told("name");
  const scopeFault = tried && scopes.length === 0 ? t("tokens.scope_required") : told("scopes");
  const elsewhere = making.isError && told("name") === null && told("scopes") === null ? failureText(t, making.error, language).text : null;
  const onSubmit = (event: FormEvent): void => {
    event.preventDefault();
    setTried(true);
    if (name.trim() === "" || scopes.length === 0 || making.isPending) return;
    making.mutate();
  };
  const toggle = (scope: TokenScope): void => setScopes(scopes.includes(scope) ? scopes.filter((each) => each !== scope) : [...scopes, scope]);
  return (
    <form className="box connection-form" noValidate autoComplete="off" data-testid="token-form" onSubmit={onSubmit}>
      <h2>{t("tokens.add_title")}</h2>
      <div className="field">
        <label htmlFor={`${id}-name`}>{t("tokens.name")}</label>
        <input
          ref={first}
          id={`${id}-name`}
          className="input"
          maxLength={64}
          value={name}
          aria-invalid={nameFault !== null}
          aria-describedby={`${id}-name-notes`}
          data-testid="token-name"
          onChange={(event) => setName(event.target.value)}
        />
        <span id={`${id}-name-notes`} className={nameFault === null ? "hint" : "fault"}>
          {nameFault ?? t("tokens.name_hint")}
        </span>
      </div>
      <fieldset className="field" aria-describedby={`${id}-scope-notes`}>
        <legend>{t("tokens.scopes")}</legend>
        {SCOPES.map((scope) => (
          <label key={scope} className="check">
            <input type="checkbox" checked={scopes.includes(scope)} disabled={isViewer && scope !== "read"} data-testid={`token-scope-${scope}`} onChange={() => toggle(scope)} />
            <span>
              <strong>{t(`tokens.scope_${scope}`)}</strong> {t(`tokens.scope_${scope}_text`)}
            </span>
          </label>
        ))}
        <span id={`${id}-scope-notes`} className={scopeFault === null ? "hint" : "fault"}>
          {scopeFault ?? t(isViewer ? "tokens.scopes_viewer" : "tokens.scopes_hint")}
        </span>
      </fieldset>
      <div className="field">
        <label htmlFor={`${id}-days`}>{t("tokens.expires")}</label>
        <select id={`${id}-days`} className="input" value={days} data-testid="token-days" onChange={(event) => setDays(Number(event.target.value))}>
          {DAYS.map((each) => (
            <option key={each} value={each}>
              {t("tokens.days", { count: each })}
            </option>
          ))}
        </select>
      </div>
      {elsewhere !== null && (
        <p className="fault" role="alert" data-testid="token-error">
          {elsewhere}
        </p>
      )}
      <div className="row">
        <button type="submit" className="button primary" data-testid="token-submit" disabled={making.isPending}>
          {making.isPending ? t("tokens.making") : t("tokens.make")}
        </button>
        <button type="button" className="button" onClick={onCancel}>
          {t("common.cancel")}
        </button>
      </div>
    </form>
  );
}
