/** A strategy as text, checked as it is typed: what is wrong stands under it by line, and each problem leads there. */
import { useQuery } from "@tanstack/react-query";
import { useEffect, useId, useRef, useState } from "react";
import type { SpecChecked, SpecFault } from "../api/types";
import { specCheckQuery } from "../bots/queries";
import { useWords } from "../i18n/useWords";
import { failureText } from "../i18n/words";
import { Icon } from "../ui/Icon";

const TYPING_MS = 300;
export const TEXT_MAX = 65_536;

type Props = { readonly label: string; readonly text: string; readonly onChange: (text: string) => void; readonly testId: string };

export function SpecEditor({ label, text, onChange, testId }: Props) {
  const id = useId();
  const field = useRef<HTMLTextAreaElement>(null);
  const goTo = (fault: SpecFault): void => {
    const here = field.current;
    if (here === null || fault.line === null) return;
    const lines = text.split("\n");
    const from = lines.slice(0, fault.line - 1).reduce((sum, line) => sum + line.length + 1, 0);
    here.focus();
    here.setSelectionRange(from, from + (lines[fault.line - 1]?.length ?? 0));
    here.scrollTop = ((fault.line - 3) / Math.max(1, lines.length)) * here.scrollHeight;
  };
  return (
    <div className="field connection-form">
      <label htmlFor={id}>{label}</label>
      <textarea
        ref={field}
        id={id}
        className="input code"
        rows={18}
        spellCheck={false}
        maxLength={TEXT_MAX}
        value={text}
        data-testid={testId}
        aria-describedby={`${id}-told`}
        onChange={(event) => onChange(event.target.value)}
      />
      <div id={`${id}-told`}>
        <Told text={text} onGo={goTo} />
      </div>
    </div>
  );
}

/** The text some moments after the last key, so that not every letter is asked about. */
export function useSettled(text: string): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return settled;
}

function Told({ text, onGo }: { text: string; onGo: (fault: SpecFault) => void }) {
  const { t, language } = useWords();
  const settled = useSettled(text);
  const checking = useQuery({ ...specCheckQuery(settled, []), enabled: settled.trim() !== "" });
  if (settled.trim() === "") return null;
  if (checking.error !== null)
    return (
      <p className="fault" role="alert">
        {failureText(t, checking.error, language).text}
      </p>
    );
  if (checking.data === undefined || settled !== text) return <p className="hint">{t("strategies.checking")}</p>;
  return <Problems checked={checking.data} onGo={onGo} />;
}

export function Problems({ checked, onGo }: { checked: SpecChecked; onGo?: (fault: SpecFault) => void }) {
  const { t } = useWords();
  const { spec, errors, warnings } = checked;
  return (
    <div className="stack tight" role="status" data-testid="spec-told" data-ok={checked.ok}>
      {spec !== null && (
        <p className="hint">
          <Icon name="check" /> {t("strategies.right", { kind: spec.kind, symbol: spec.symbol, timeframe: spec.timeframe })}
        </p>
      )}
      {errors.length > 0 && <strong className="fault">{t("strategies.problems", { count: errors.length })}</strong>}
      <Faults label={t("strategies.problems_list")} faults={errors} tone="fault" onGo={onGo} />
      <Faults label={t("strategies.warnings_list")} faults={warnings} tone="caution" onGo={onGo} />
    </div>
  );
}

function Faults({ label, faults, tone, onGo }: { label: string; faults: readonly SpecFault[]; tone: string; onGo: ((fault: SpecFault) => void) | undefined }) {
  const { t } = useWords();
  if (faults.length === 0) return null;
  return (
    <ul aria-label={label} className="spec-faults">
      {faults.map((fault) => (
        <li key={`${fault.path} ${fault.code} ${fault.line ?? ""}`} className={tone} data-testid="spec-fault" data-code={fault.code}>
          {fault.line !== null &&
            (onGo === undefined ? (
              <strong>{t("strategies.at_line", { line: fault.line })}</strong>
            ) : (
              <button type="button" className="link-button" aria-label={t("strategies.go_to_line", { line: fault.line })} onClick={() => onGo(fault)}>
                {t("strategies.at_line", { line: fault.line })}
              </button>
            ))}{" "}
          {fault.message} <span className="code">{fault.path === "" ? fault.code : `${fault.path} ${fault.code}`}</span>
          {fault.hint !== null && <span className="hint"> {fault.hint}</span>}
        </li>
      ))}
    </ul>
  );
}
