/** Places for what is still loading: nothing for 150 ms, then the final geometry, after 8 s a way to try again. */
import { useEffect, useState } from "react";
import { useWords } from "../i18n/useWords";

export function useAfter(ms: number): boolean {
  const [passed, setPassed] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setPassed(true), ms);
    return () => clearTimeout(timer);
  }, [ms]);
  return passed;
}

export function Waiting({ rows, onRetry }: { rows: number; onRetry?: () => void }) {
  const { t } = useWords();
  const visible = useAfter(150);
  const long = useAfter(8000);
  if (!visible) return null;
  return (
    <div className="waiting" role="status">
      <span className="visually-hidden">{t("common.loading")}</span>
      {Array.from({ length: rows }, (_, index) => (
        <div key={index} className="skeleton waiting-row" />
      ))}
      {long && (
        <p className="hint">
          {t("common.still_loading")}{" "}
          {onRetry !== undefined && (
            <button type="button" className="link-button" onClick={onRetry}>
              {t("common.retry")}
            </button>
          )}
        </p>
      )}
    </div>
  );
}
