/** Step 1: which strategy. A template, a version that is kept, or text; and what it says in plain words. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useId, useState } from "react";
import type { SpecChecked, SpecTemplate } from "../../api/types";
import { useWords } from "../../i18n/useWords";
import { failureText } from "../../i18n/words";
import { Problems, SpecEditor } from "../../strategies/SpecEditor";
import { Summary } from "../../strategies/Summary";
import { Segments } from "../../ui/Segments";
import { specVersionQuery, strategiesQuery, strategyQuery } from "../queries";
import { queries } from "../../app/services";
import type { Draft, Source } from "./draft";
import type { Change } from "./WizardPage";

const SOURCES: readonly Source[] = ["template", "saved", "text"];

type Props = { readonly draft: Draft; readonly change: Change; readonly templates: readonly SpecTemplate[]; readonly checked: SpecChecked | undefined; readonly error: unknown };

export function StrategyStep({ draft, change, templates, checked, error }: Props) {
  const { t, language } = useWords();
  const label = useId();
  const choose = (name: string): void => {
    const template = templates.find((each) => each.template === name);
    if (template === undefined) return;
    const old = templates.find((each) => each.template === draft.template);
    // A name that nobody typed goes along with what it was taken from.
    const named = draft.name === "" || draft.name === old?.spec.name ? template.spec.name : draft.name;
    change({ template: name, text: template.text, params: {}, symbol: null, name: named });
  };
  return (
    <>
      <Segments
        label={t("bots.wizard.source")}
        value={draft.source}
        options={SOURCES.map((value) => ({ value, label: t(`bots.wizard.from.${value}`), testId: `source-${value}` }))}
        onChange={(source) => {
          change({ source });
          if (source === "template") choose(draft.template ?? templates[0]?.template ?? "");
        }}
      />
      {draft.source === "template" && (
        <div className="field">
          <label htmlFor={label}>{t("bots.wizard.template")}</label>
          <select id={label} className="input" value={draft.template ?? ""} data-testid="wizard-template" onChange={(event) => choose(event.target.value)}>
            {templates.map((each) => (
              <option key={each.template} value={each.template}>
                {each.spec.name}
              </option>
            ))}
          </select>
        </div>
      )}
      {draft.source === "saved" && <Saved draft={draft} change={change} />}
      {draft.source === "text" && <SpecEditor label={t("bots.wizard.text")} text={draft.text} testId="wizard-text" onChange={(text) => change({ text, params: {} })} />}
      {error !== null && draft.source !== "text" && (
        <p className="fault" role="alert">
          {failureText(t, error, language).text}
        </p>
      )}
      {draft.source !== "text" && checked !== undefined && !checked.ok && <Problems checked={checked} />}
      {checked?.spec != null && (
        <>
          {checked.spec.description !== "" && <p>{checked.spec.description}</p>}
          <Summary text={draft.text} />
        </>
      )}
    </>
  );
}

/** A kept strategy and which version of it. */
function Saved({ draft, change }: { draft: Draft; change: Change }) {
  const { t, language } = useWords();
  const label = useId();
  const listed = useInfiniteQuery(strategiesQuery(false));
  const kept = listed.data?.pages.flatMap((page) => page.strategies) ?? [];
  const strategyId = draft.kept?.strategyId ?? "";
  const strategy = useQuery({ ...strategyQuery(strategyId), enabled: strategyId !== "" });
  const [fault, setFault] = useState<unknown>(null);
  const take = async (id: string, number: number, name: string): Promise<void> => {
    setFault(null);
    try {
      const version = await queries.fetchQuery(specVersionQuery(id, number));
      const found = { text: version.text, versionId: version.id, strategyId: id, number };
      change({ text: version.text, kept: found, params: {}, symbol: null, ...(draft.bot === null ? { name } : {}) });
    } catch (error) {
      setFault(error);
    }
  };
  if (listed.data !== undefined && kept.length === 0 && draft.kept === null) return <p className="hint">{t("bots.wizard.saved_none")}</p>;
  return (
    <>
      <div className="field">
        <label htmlFor={`${label}-strategy`}>{t("bots.wizard.saved")}</label>
        <select
          id={`${label}-strategy`}
          className="input"
          value={strategyId}
          data-testid="wizard-saved"
          onChange={(event) => {
            const chosen = kept.find((each) => each.id === event.target.value);
            if (chosen !== undefined) void take(chosen.id, chosen.newest.number, chosen.name);
          }}
        >
          {!kept.some((each) => each.id === strategyId) && <option value={strategyId}>{strategy.data?.name ?? "—"}</option>}
          {kept.map((each) => (
            <option key={each.id} value={each.id}>
              {each.name}
            </option>
          ))}
        </select>
      </div>
      {strategy.data !== undefined && (
        <div className="field">
          <label htmlFor={`${label}-version`}>{t("bots.wizard.saved_version")}</label>
          <select
            id={`${label}-version`}
            className="input"
            value={draft.kept?.number ?? ""}
            data-testid="wizard-version"
            onChange={(event) => void take(strategy.data.id, Number(event.target.value), strategy.data.name)}
          >
            {strategy.data.versions.map((each) => (
              <option key={each.number} value={each.number}>
                {t("strategies.version", { number: each.number })}
                {each.message === "" ? "" : ` · ${each.message}`}
              </option>
            ))}
          </select>
        </div>
      )}
      {fault !== null && (
        <p className="fault" role="alert">
          {failureText(t, fault, language).text}
        </p>
      )}
    </>
  );
}
