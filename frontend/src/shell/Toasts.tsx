/** Toasts and the two live regions of the page. A toast never holds the only copy of anything. */
import { notices } from "../app/services";
import { useWords } from "../i18n/useWords";
import { useSignal } from "../stream/hooks";
import { Icon } from "../ui/Icon";

export function Toasts() {
  const { t } = useWords();
  const toasts = useSignal(notices.toasts);
  return (
    <div className="toasts" role="region" aria-label={t("notices.region")}>
      {toasts.map((toast) => (
        <div key={toast.id} className={`toast ${toast.tone}`} data-testid="toast">
          <Icon name={toast.tone === "good" ? "check" : toast.tone === "bad" ? "cross" : "quarter"} size={16} />
          <div>
            <strong>{toast.title}</strong>
            <p>{toast.text}</p>
          </div>
          <button type="button" className="icon-button" aria-label={t("common.close")} onClick={() => notices.close(toast.id)}>
            <Icon name="cross" size={12} />
          </button>
        </div>
      ))}
    </div>
  );
}

export function LiveRegions() {
  const spoken = useSignal(notices.spoken);
  return (
    <>
      <div className="visually-hidden" aria-live="polite" data-testid="live-polite">
        {spoken.polite}
      </div>
      <div className="visually-hidden" aria-live="assertive" data-testid="live-assertive">
        {spoken.assertive}
      </div>
    </>
  );
}
