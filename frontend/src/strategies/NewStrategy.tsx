/** Keeping a strategy: from a template or one's own text, checked while it is typed. */
import { useMutation, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useId, useState, type FormEvent } from "react";
import { Refused } from "../api/errors";
import { newIntentId } from "../api/intent";
import { postStrategy } from "../api/strategies";
import { queries } from "../app/services";
import { templatesQuery } from "../backtests/queries";
import { specCheckQuery } from "../bots/queries";
import { isName } from "../bots/wizard/draft";
import { useWords } from "../i18n/useWords";
import { failureText } from "../i18n/words";
import { SpecEditor } from "./SpecEditor";

export function NewStrategy() {
  const { t, language } = useWords();
  const navigate = useNavigate();
  const label = useId();
  const templates = useQuery(templatesQuery).data ?? [];
  // One form, one id: sent again after a lost answer it keeps nothing twice.
  const [id, setId] = useState(newIntentId);
  const [from, setFrom] = useState("");
  const [text, setText] = useState("");
  const [name, setName] = useState("");
  const template = templates.find((each) => each.template === from && each.text === text);
  const checked = useQuery({ ...specCheckQuery(text, []), enabled: text.trim() !== "" && template === undefined }).data;
  const isRight = template !== undefined || checked?.ok === true;
  const saving = useMutation({
    mutationFn: () => postStrategy({ id, name, message: "", ...(template === undefined ? { text } : { template: template.template }) }),
    onSuccess: async (made) => {
      await queries.invalidateQueries({ queryKey: ["strategies"] });
      await navigate({ to: "/strategies/$spec", params: { spec: made.id } });
    },
    onError: (error) => error instanceof Refused && setId(newIntentId()),
  });
  const closed = !isRight || !isName(name) || saving.isPending;
  const onSubmit = (event: FormEvent): void => {
    event.preventDefault();
    if (!closed) saving.mutate();
  };
  return (
    <form className="box connection-form" noValidate data-testid="strategy-form" onSubmit={onSubmit}>
      <h2>{t("strategies.new")}</h2>
      <div className="field">
        <label htmlFor={`${label}-from`}>{t("strategies.begin_with")}</label>
        <select
          id={`${label}-from`}
          className="input"
          value={from}
          data-testid="strategy-template"
          onChange={(event) => {
            const chosen = templates.find((each) => each.template === event.target.value);
            setFrom(event.target.value);
            if (chosen === undefined) return;
            setText(chosen.text);
            setName(chosen.spec.name);
          }}
        >
          <option value="">{t("strategies.own_text")}</option>
          {templates.map((each) => (
            <option key={each.template} value={each.template}>
              {each.spec.name}
            </option>
          ))}
        </select>
      </div>
      <SpecEditor label={t("strategies.text")} text={text} testId="strategy-text" onChange={setText} />
      <div className="field">
        <label htmlFor={`${label}-name`}>{t("strategies.name")}</label>
        <input id={`${label}-name`} className="input" autoComplete="off" maxLength={80} value={name} aria-invalid={name !== "" && !isName(name)} data-testid="strategy-name" onChange={(event) => setName(event.target.value)} />
        {name !== "" && !isName(name) && <span className="fault">{t("strategies.name_wrong")}</span>}
      </div>
      {saving.isError && (
        <p className="fault" role="alert">
          {failureText(t, saving.error, language).text}
        </p>
      )}
      <div className="row">
        <button type="submit" className="button primary" data-testid="strategy-save" disabled={closed}>
          {saving.isPending ? t("strategies.saving") : t("strategies.save")}
        </button>
      </div>
    </form>
  );
}
