/** The form of a price alert. Which symbols there are and what their tick is, the server says by refusing. */
import { useMutation, useQuery } from "@tanstack/react-query";
import { useId, useState, type FormEvent, type ReactNode } from "react";
import { Refused } from "../api/errors";
import { changeAlert, postAlert, type AlertBody, type PriceAlert } from "../api/notifications";
import { accountsQuery } from "../app/session";
import { useWords } from "../i18n/useWords";
import { failureText, problemText } from "../i18n/words";
import { plainPrice } from "./price";

const CATEGORIES = ["linear", "spot", "inverse"] as const;

export function AlertForm({ alert, onDone, onCancel }: { alert: PriceAlert | null; onDone: () => Promise<void>; onCancel: () => void }) {
  const { t, language } = useWords();
  const accounts = useQuery(accountsQuery);
  const environments = [...new Set([...(accounts.data ?? []).map((each) => each.environment), ...(alert === null ? [] : [alert.environment])])];
  const [asked, setAsked] = useState<AlertBody>(() =>
    alert === null
      ? { environment: "sim", category: "linear", symbol: "BTCUSDT", price_by: "last", direction: "above", price: "", repeats: false, ends_ms: null, note: "" }
      : { environment: alert.environment, category: alert.category, symbol: alert.symbol, price_by: alert.price_by, direction: alert.direction, price: alert.price, repeats: alert.repeats, ends_ms: alert.ends_ms, note: alert.note },
  );
  const environment = environments.includes(asked.environment) ? asked.environment : (environments[0] ?? asked.environment);
  const price = plainPrice(asked.price);
  const [tried, setTried] = useState(false);
  const saving = useMutation({
    mutationFn: () => {
      const body = { ...asked, environment, price: price ?? "", symbol: asked.symbol.trim().toUpperCase() };
      return alert === null ? postAlert(body) : changeAlert(alert, body);
    },
    onSuccess: onDone,
  });
  const change = (part: Partial<AlertBody>): void => setAsked({ ...asked, ...part });
  const told = (field: string): string | null => {
    const problem = saving.error instanceof Refused ? saving.error.problem.problems.find((each) => each.field === field) : undefined;
    return problem === undefined ? null : problemText(t, problem.code, problem.params, language);
  };
  const priceFault = tried && price === null ? t("alerts.price_required") : told("price");
  const isNamed = ["price", "price_by", "ends_ms"].some((field) => told(field) !== null);
  const elsewhere = saving.isError && !isNamed ? failureText(t, saving.error, language).text : null;
  const onSubmit = (event: FormEvent): void => {
    event.preventDefault();
    setTried(true);
    if (price !== null && asked.symbol.trim() !== "" && !saving.isPending) saving.mutate();
  };
  return (
    <form className="box connection-form" noValidate autoComplete="off" data-testid="alert-form" onSubmit={onSubmit}>
      <h2>{t(alert === null ? "alerts.add_title" : "alerts.edit_title")}</h2>
      <div className="row wrap">
        <Field label={t("alerts.environment")}>
          {(id) => (
            <select id={id} className="input" value={environment} data-testid="alert-environment" onChange={(event) => change({ environment: event.target.value as AlertBody["environment"] })}>
              {environments.map((each) => (
                <option key={each} value={each}>
                  {each.toUpperCase()}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Field label={t("alerts.category")}>
          {(id) => (
            <select id={id} className="input" value={asked.category} onChange={(event) => change({ category: event.target.value as AlertBody["category"] })}>
              {CATEGORIES.map((each) => (
                <option key={each} value={each}>
                  {t(`alerts.category_${each}`)}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Field label={t("alerts.symbol")}>
          {(id) => <input id={id} className="input" maxLength={32} value={asked.symbol} data-testid="alert-symbol" onChange={(event) => change({ symbol: event.target.value })} />}
        </Field>
      </div>
      <div className="row wrap">
        <Field label={t("alerts.by")} fault={told("price_by")}>
          {(id) => (
            <select id={id} className="input" value={asked.price_by} onChange={(event) => change({ price_by: event.target.value as AlertBody["price_by"] })}>
              <option value="last">{t("alerts.by_last")}</option>
              <option value="mark">{t("alerts.by_mark")}</option>
            </select>
          )}
        </Field>
        <Field label={t("alerts.direction")}>
          {(id) => (
            <select id={id} className="input" value={asked.direction} data-testid="alert-direction" onChange={(event) => change({ direction: event.target.value as AlertBody["direction"] })}>
              <option value="above">{t("alerts.above")}</option>
              <option value="below">{t("alerts.below")}</option>
            </select>
          )}
        </Field>
        <Field label={t("alerts.price")} fault={priceFault}>
          {(id) => <input id={id} className="input" inputMode="decimal" maxLength={44} value={asked.price} aria-invalid={priceFault !== null} data-testid="alert-price" onChange={(event) => change({ price: event.target.value })} />}
        </Field>
      </div>
      <label className="check">
        <input type="checkbox" checked={asked.repeats} data-testid="alert-repeats" onChange={(event) => change({ repeats: event.target.checked })} />
        <span>{t("alerts.repeats")}</span>
      </label>
      <Field label={t("alerts.ends")} fault={told("ends_ms")}>
        {(id) => <input id={id} type="datetime-local" className="input" value={localOf(asked.ends_ms)} data-testid="alert-ends" onChange={(event) => change({ ends_ms: event.target.value === "" ? null : new Date(event.target.value).getTime() })} />}
      </Field>
      <Field label={t("alerts.note")}>
        {(id) => <input id={id} className="input" maxLength={64} value={asked.note} data-testid="alert-note" onChange={(event) => change({ note: event.target.value })} />}
      </Field>
      {elsewhere !== null && (
        <p className="fault" role="alert" data-testid="alert-error">
          {elsewhere}
        </p>
      )}
      <div className="row">
        <button type="submit" className="button primary" data-testid="alert-submit" disabled={saving.isPending}>
          {saving.isPending ? t("alerts.saving") : t("alerts.save")}
        </button>
        <button type="button" className="button" onClick={onCancel}>
          {t("common.cancel")}
        </button>
      </div>
    </form>
  );
}

function Field({ label, fault = null, children }: { label: string; fault?: string | null; children: (id: string) => ReactNode }) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children(id)}
      {fault !== null && (
        <span className="fault" role="alert">
          {fault}
        </span>
      )}
    </div>
  );
}

/** What a field of local time takes. */
function localOf(ms: number | null): string {
  if (ms === null) return "";
  const local = new Date(ms - new Date(ms).getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 16);
}
