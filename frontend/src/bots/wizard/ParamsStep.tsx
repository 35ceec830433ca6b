/** Step 3: the strategy's own numbers as a form. What differs is marked, and the check of the server stands under it. */
import { useQuery } from "@tanstack/react-query";
import Big from "big.js";
import { useId } from "react";
import type { ParamValue, SpecChecked } from "../../api/types";
import { grouping, parseDecimal } from "../../format/number";
import { useWords } from "../../i18n/useWords";
import { Problems, useSettled } from "../../strategies/SpecEditor";
import { Waiting } from "../../ui/Waiting";
import { specCheckQuery } from "../queries";
import { paramsOf, type Draft } from "./draft";
import type { Change } from "./WizardPage";

export function ParamsStep({ draft, change, spec }: { draft: Draft; change: Change; spec: SpecChecked["spec"] }) {
  const { t } = useWords();
  if (spec === null) return <Waiting rows={3} />;
  if (spec.params.length === 0) return <p className="hint">{t("bots.wizard.params_none")}</p>;
  return (
    <>
      <p className="hint">{t("bots.wizard.params_text")}</p>
      <div className="limit-fields">
        {spec.params.map((param) => (
          <Param key={param.name} param={param} draft={draft} change={change} />
        ))}
      </div>
      <Checked draft={draft} own={spec.params} />
    </>
  );
}

function Param({ param, draft, change }: { param: ParamValue; draft: Draft; change: Change }) {
  const { t, language } = useWords();
  const id = useId();
  const own = String(param.value);
  const typed = draft.params[param.name] ?? own;
  const value = parseDecimal(typed);
  const differs = value !== null && !new Big(value).eq(own);
  const { [param.name]: _, ...others } = draft.params;
  return (
    <div className="field">
      <label htmlFor={id}>
        {param.name}
        {differs && (
          <>
            {" "}
            <span className="changed-dot" aria-hidden="true" />
            <span className="visually-hidden">{t("bots.wizard.param_changed")}</span>
          </>
        )}
      </label>
      <input
        id={id}
        className="input"
        inputMode="decimal"
        value={typed}
        aria-invalid={value === null}
        data-testid={`param-${param.name}`}
        onChange={(event) => change({ params: { ...draft.params, [param.name]: event.target.value } })}
      />
      {value === null ? (
        <span className="fault">{t("bots.wizard.param_wrong")}</span>
      ) : differs ? (
        <button type="button" className="link-button" onClick={() => change({ params: others })}>
          {t("bots.wizard.param_reset", { value: grouping(own, language) })}
        </button>
      ) : (
        <span className="hint">{t("bots.wizard.param_default", { value: grouping(own, language) })}</span>
      )}
    </div>
  );
}

/** Bounds of a param are the strategy's and the language's: what is out of them is told with its allowed range. */
function Checked({ draft, own }: { draft: Draft; own: readonly ParamValue[] }) {
  const params = paramsOf(draft, own);
  const settled = useSettled(JSON.stringify(params));
  const found = useQuery(specCheckQuery(draft.text, JSON.parse(settled) as ParamValue[])).data;
  return found === undefined ? null : <Problems checked={found} />;
}
