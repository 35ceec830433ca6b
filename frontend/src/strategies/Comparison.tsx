/** What changed in meaning between two versions, in words; from the older to the newer, whichever was chosen first. */
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useId } from "react";
import { diffSpecs } from "../api/strategies";
import type { KeptStrategyVersions, SpecChange, SpecVersion } from "../api/types";
import { specVersionQuery } from "../bots/queries";
import { useWords } from "../i18n/useWords";
import { Failure } from "../ui/Failure";
import { Waiting } from "../ui/Waiting";

const SIGN: Readonly<Record<SpecChange["kind"], string>> = { added: "+", removed: "−", changed: "~", renamed: "~", rewritten: "=", reached: "~" };

export function Comparison({ strategy, shown, text }: { strategy: KeptStrategyVersions; shown: SpecVersion; text: string }) {
  const { t } = useWords();
  const navigate = useNavigate();
  const label = useId();
  const { compare } = useSearch({ from: "/shell/strategies/$spec" });
  const others = strategy.versions.filter((each) => each.number !== shown.number);
  const other = others.find((each) => each.number === compare);
  return (
    <section aria-labelledby={`${label}-title`}>
      <h2 id={`${label}-title`}>{t("strategies.compare")}</h2>
      <div className="field">
        <label htmlFor={label}>{t("strategies.compare_with", { number: shown.number })}</label>
        <select
          id={label}
          className="input"
          value={other?.number ?? ""}
          data-testid="strategy-compare"
          onChange={(event) => {
            const number = Number(event.target.value);
            void navigate({ to: "/strategies/$spec", params: { spec: strategy.id }, search: { v: shown.number, compare: number > 0 ? number : undefined } });
          }}
        >
          <option value="">{t("strategies.compare_none")}</option>
          {others.map((each) => (
            <option key={each.number} value={each.number}>
              {t("strategies.version", { number: each.number })}
            </option>
          ))}
        </select>
      </div>
      {other !== undefined && <Changes strategyId={strategy.id} shown={shown.number} other={other.number} text={text} />}
    </section>
  );
}

function Changes({ strategyId, shown, other, text }: { strategyId: string; shown: number; other: number; text: string }) {
  const { t, language } = useWords();
  const second = useQuery(specVersionQuery(strategyId, other));
  const [older, newer] = other < shown ? [other, shown] : [shown, other];
  const [old, fresh] = other < shown ? [second.data?.text, text] : [text, second.data?.text];
  const found = useQuery({
    queryKey: ["specs", "diff", language, old, fresh],
    queryFn: () => diffSpecs(old ?? "", fresh ?? "", language),
    enabled: second.data !== undefined,
    staleTime: Infinity,
  });
  const error = second.error ?? found.error;
  const again = (): void => {
    void second.refetch();
    if (second.data !== undefined) void found.refetch();
  };
  if (error !== null) return <Failure what={t("strategies.compare")} error={error} onRetry={again} />;
  if (found.data === undefined) return <Waiting rows={2} onRetry={again} />;
  const { changes } = found.data;
  return (
    <div className="box" data-testid="strategy-changes">
      <strong>{t("strategies.changes", { old: older, new: newer })}</strong>
      {changes === null && <p className="caution">{t("strategies.changes_unknown")}</p>}
      {changes?.length === 0 && <p className="hint">{t("strategies.no_changes")}</p>}
      <ul className="plain-list">
        {changes?.map((each) => (
          <li key={`${each.kind} ${each.path} ${each.text}`} data-testid="strategy-change" data-kind={each.kind}>
            <span aria-hidden="true">{SIGN[each.kind]} </span>
            <span className="muted">{t(`strategies.kind.${each.kind}`)}: </span>
            {each.text}
          </li>
        ))}
      </ul>
    </div>
  );
}
