/** A strategy in plain words, section by section, with the params in force. */
import { useQuery } from "@tanstack/react-query";
import type { ParamValue } from "../api/types";
import { specExplainQuery } from "../bots/queries";
import { useWords } from "../i18n/useWords";
import { Failure } from "../ui/Failure";
import { Waiting } from "../ui/Waiting";

const NO_PARAMS: readonly ParamValue[] = [];

export function Summary({ text, params = NO_PARAMS }: { text: string; params?: readonly ParamValue[] }) {
  const { t, language } = useWords();
  const found = useQuery(specExplainQuery(text, params, language));
  if (found.isError) return <Failure what={t("strategies.summary")} error={found.error} onRetry={() => void found.refetch()} />;
  if (found.data === undefined) return <Waiting rows={4} onRetry={() => void found.refetch()} />;
  if (found.data.sections === null) return <p className="hint">{t("strategies.explained_not")}</p>;
  return (
    <section className="box" aria-label={t("strategies.summary")} data-testid="spec-summary">
      {found.data.sections.map((section) => (
        <div key={section.key}>
          <strong>{section.title}</strong>
          <ul className="plain-list">
            {section.lines.map((line) => (
              <li key={line}>{line}</li>
            ))}
          </ul>
        </div>
      ))}
    </section>
  );
}
