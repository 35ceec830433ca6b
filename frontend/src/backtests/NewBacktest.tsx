/**
 * The form for a backtest: a template to begin with, its text to change, whose prices, and the capital.
 *
 * One id for a form: sending it again while nobody answered is the same backtest.
 */
import { useMutation, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useId, useState, type FormEvent } from "react";
import { postBacktest } from "../api/backtests";
import { Refused } from "../api/errors";
import { newIntentId } from "../api/intent";
import type { Backtest, SpecTemplate } from "../api/types";
import { queries } from "../app/services";
import { parseDecimal } from "../format/number";
import { useWords } from "../i18n/useWords";
import { failureText } from "../i18n/words";
import { Failure } from "../ui/Failure";
import { Waiting } from "../ui/Waiting";
import { backtestsQuery, templatesQuery } from "./queries";

type Origin = Backtest["origin"];
const ORIGINS: readonly Origin[] = ["sim", "bybit", "testnet"];
const NO_FINE = "none";
const FINE = ["1m", "3m", "5m", "15m"] as const;
type Fine = (typeof FINE)[number] | typeof NO_FINE;

export function NewBacktest() {
  const { t } = useWords();
  const templates = useQuery(templatesQuery);
  const again = (): void => void templates.refetch();
  const first = templates.data?.[0];
  if (first !== undefined && templates.data !== undefined) return <Form templates={templates.data} first={first} />;
  if (templates.isError) return <Failure what={t("backtests.new")} error={templates.error} onRetry={again} />;
  return <Waiting rows={4} onRetry={again} />;
}

function Form({ templates, first }: { templates: readonly SpecTemplate[]; first: SpecTemplate }) {
  const { t, language } = useWords();
  const navigate = useNavigate();
  const label = useId();
  const [id, setId] = useState(newIntentId);
  const [template, setTemplate] = useState(first.template);
  const [text, setText] = useState(first.text);
  const [origin, setOrigin] = useState<Origin>("sim");
  const [capital, setCapital] = useState("10000");
  const [fillGaps, setFillGaps] = useState(true);
  const [fine, setFine] = useState<Fine>(NO_FINE);
  const [funding, setFunding] = useState(false);
  const equity = parseDecimal(capital);
  const asking = useMutation({
    mutationFn: postBacktest,
    onSuccess: async (backtest) => {
      await queries.invalidateQueries({ queryKey: backtestsQuery.queryKey, exact: true });
      await navigate({ to: "/backtests/$backtest", params: { backtest: backtest.id } });
    },
    // Another try is another backtest, unless nobody answered: then it may be there, and the same id finds it.
    onError: (error) => error instanceof Refused && setId(newIntentId()),
  });
  const onSubmit = (event: FormEvent): void => {
    event.preventDefault();
    if (equity === null || asking.isPending) return;
    asking.mutate({ id, text, origin, fill_gaps: fillGaps, fine: fine === NO_FINE ? null : fine, funding, settings: { equity } });
  };
  return (
    <form className="box connection-form" noValidate data-testid="backtest-form" onSubmit={onSubmit}>
      <h2>{t("backtests.new")}</h2>
      <div className="field">
        <label htmlFor={`${label}-template`}>{t("backtests.template")}</label>
        <select
          id={`${label}-template`}
          className="input"
          value={template}
          data-testid="backtest-template"
          onChange={(event) => {
            const chosen = templates.find((each) => each.template === event.target.value) ?? first;
            setTemplate(chosen.template);
            setText(chosen.text);
          }}
        >
          {templates.map((each) => (
            <option key={each.template} value={each.template}>
              {each.spec.name}
            </option>
          ))}
        </select>
      </div>
      <div className="field">
        <label htmlFor={`${label}-text`}>{t("backtests.text")}</label>
        <textarea
          id={`${label}-text`}
          className="input code"
          rows={14}
          spellCheck={false}
          maxLength={65_536}
          value={text}
          data-testid="backtest-text"
          aria-describedby={`${label}-text-hint`}
          onChange={(event) => setText(event.target.value)}
        />
        <span id={`${label}-text-hint`} className="hint">
          {t("backtests.text_hint")}
        </span>
      </div>
      <div className="field">
        <label htmlFor={`${label}-origin`}>{t("backtests.prices")}</label>
        <select
          id={`${label}-origin`}
          className="input"
          value={origin}
          data-testid="backtest-origin"
          aria-describedby={`${label}-origin-hint`}
          onChange={(event) => setOrigin(ORIGINS.find((each) => each === event.target.value) ?? "sim")}
        >
          {ORIGINS.map((each) => (
            <option key={each} value={each}>
              {t(`backtests.origin.${each}`)}
            </option>
          ))}
        </select>
        <span id={`${label}-origin-hint`} className="hint">
          {t(origin === "sim" ? "backtests.sim_hint" : "backtests.stored_hint")}
        </span>
      </div>
      <div className="field">
        <label htmlFor={`${label}-capital`}>{t("backtests.capital")}</label>
        <input
          id={`${label}-capital`}
          className="input"
          inputMode="decimal"
          value={capital}
          data-testid="backtest-capital"
          aria-invalid={equity === null}
          onChange={(event) => setCapital(event.target.value)}
        />
        {equity === null && <span className="fault">{t("backtests.capital_wrong")}</span>}
      </div>
      <label className="row">
        <input type="checkbox" checked={fillGaps} data-testid="backtest-fill" onChange={(event) => setFillGaps(event.target.checked)} />
        {t("backtests.fill_gaps")}
      </label>
      <div className="field">
        <label htmlFor={`${label}-fine`}>{t("backtests.fine")}</label>
        <select
          id={`${label}-fine`}
          className="input"
          value={fine}
          data-testid="backtest-fine"
          aria-describedby={`${label}-fine-hint`}
          onChange={(event) => setFine(FINE.find((each) => each === event.target.value) ?? NO_FINE)}
        >
          <option value={NO_FINE}>{t("backtests.fine_none")}</option>
          {FINE.map((each) => (
            <option key={each} value={each}>
              {t("backtests.fine_of", { timeframe: each })}
            </option>
          ))}
        </select>
        <span id={`${label}-fine-hint`} className="hint">
          {t("backtests.fine_hint")}
        </span>
      </div>
      <label className="row">
        <input type="checkbox" checked={funding} data-testid="backtest-funding" onChange={(event) => setFunding(event.target.checked)} />
        {t("backtests.funding")}
      </label>
      {asking.error !== null && (
        <p className="fault" role="alert" data-testid="backtest-error">
          {failureText(t, asking.error, language).text}
        </p>
      )}
      <div className="row">
        <button type="submit" className="button primary" data-testid="backtest-submit" disabled={asking.isPending || equity === null}>
          {asking.isPending ? t("backtests.asking") : t("backtests.run")}
        </button>
      </div>
    </form>
  );
}
