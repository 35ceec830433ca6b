/** Step 4: how long, with how much, and what stops it. A maximum loss is required. */
import { useQuery } from "@tanstack/react-query";
import { useId } from "react";
import type { SpecChecked } from "../../api/types";
import { accountsQuery, instrumentsQuery } from "../../app/session";
import { useWords } from "../../i18n/useWords";
import { Segments } from "../../ui/Segments";
import { limitFaults, MINUTES, type Draft, type FieldName } from "./draft";
import type { Change } from "./WizardPage";

type Props = { readonly draft: Draft; readonly change: Change; readonly spec: SpecChecked["spec"] };

export function useQuoteCoin(draft: Draft, spec: SpecChecked["spec"]): string {
  const environment = useQuery(accountsQuery).data?.find((each) => each.id === draft.accountId)?.environment ?? "sim";
  const listed = useQuery(instrumentsQuery(environment, spec?.category ?? "linear")).data;
  return listed?.find((each) => each.symbol === (draft.symbol ?? spec?.symbol))?.quote_coin ?? "USDT";
}

export function LimitsStep({ draft, change, spec }: Props) {
  const { t } = useWords();
  const coin = useQuoteCoin(draft, spec);
  const known = MINUTES.map(String).find((each) => each === draft.minutes) ?? "custom";
  return (
    <>
      <div className="field">
        <span className="label">{t("bots.wizard.duration")}</span>
        <Segments
          label={t("bots.wizard.duration")}
          value={known}
          options={[
            ...MINUTES.map((each) => ({ value: String(each), label: t("bots.minutes", { count: each }), testId: `duration-${each}` })),
            { value: "custom", label: t("bots.wizard.custom"), testId: "duration-custom" },
          ]}
          onChange={(minutes) => change({ minutes: minutes === "custom" ? "" : minutes })}
        />
        {known === "custom" && <Field draft={draft} change={change} name="minutes" label={t("bots.wizard.minutes")} />}
        <span className="hint">{t("bots.wizard.venue_time")}</span>
      </div>
      <div className="limit-fields">
        <Field draft={draft} change={change} name="capital" label={t("bots.wizard.capital", { coin })} />
        <Field draft={draft} change={change} name="maxLoss" label={t("bots.wizard.max_loss", { coin })} hint={t("bots.wizard.max_loss_hint")} required />
        <Field draft={draft} change={change} name="maxPosition" label={t("bots.wizard.max_position", { coin })} hint={t("bots.wizard.max_position_hint")} />
        <Field draft={draft} change={change} name="maxOrders" label={t("bots.wizard.max_orders")} />
      </div>
      <div className="field">
        <span className="label">{t("bots.at_end")}</span>
        <Segments
          label={t("bots.at_end")}
          value={draft.atEnd}
          options={[
            { value: "close", label: t("bots.end.close"), testId: "end-close" },
            { value: "keep", label: t("bots.end.keep"), testId: "end-keep" },
          ]}
          onChange={(atEnd) => change({ atEnd })}
        />
      </div>
    </>
  );
}

type FieldProps = Omit<Props, "spec"> & { readonly name: FieldName; readonly label: string; readonly hint?: string; readonly required?: boolean };

function Field({ draft, change, name, label, hint, required = false }: FieldProps) {
  const { t } = useWords();
  const id = useId();
  const fault = limitFaults(draft)[name];
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        className="input"
        inputMode={name === "minutes" || name === "maxOrders" ? "numeric" : "decimal"}
        autoComplete="off"
        required={required}
        value={draft[name]}
        aria-invalid={fault !== undefined}
        aria-describedby={`${id}-told`}
        data-testid={`limit-${name}`}
        onChange={(event) => change({ [name]: event.target.value })}
      />
      <span id={`${id}-told`} className={fault === undefined ? "hint" : "fault"}>
        {fault === undefined ? hint : t(`bots.wizard.${fault}`)}
      </span>
    </div>
  );
}
