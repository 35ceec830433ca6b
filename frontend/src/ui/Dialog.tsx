/**
 * A modal dialog with a title, a body and a way out; Esc and the cross close it, focus returns to where it was.
 *
 * One that `stays` has no way out but what its body does: it is closed by being shown no more.
 *
 * The focus begins at what is marked `data-first`, else at the first control of the body: a dangerous question puts its
 * safe answer there.
 */
import { useEffect, useId, useRef, type ReactNode } from "react";
import { useWords } from "../i18n/useWords";
import { Icon } from "./Icon";

type Props = {
  readonly title: string;
  readonly testId: string;
  readonly onClose: () => void;
  readonly narrow?: boolean;
  readonly stays?: boolean;
  readonly children: (close: () => void) => ReactNode;
};

export function Dialog({ title, testId, onClose, narrow = true, stays = false, children }: Props) {
  const { t } = useWords();
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const here = dialog.current;
    const before = document.activeElement;
    here?.showModal();
    const body = here?.querySelector(".dialog-body");
    const first = body?.querySelector<HTMLElement>("[data-first]") ?? body?.querySelector<HTMLElement>(":is(input, select, button):not(:disabled, [tabindex='-1'])");
    first?.focus();
    return () =>
      queueMicrotask(() => {
        if (here?.isConnected === true || (document.activeElement !== null && document.activeElement !== document.body)) return;
        // The row that asked may be gone, or this dialog may have gone with it while it was open.
        const back = before instanceof HTMLElement && before.isConnected ? before : document.getElementById("orders");
        back?.focus();
      });
  }, []);
  const close = (): void => dialog.current?.close();
  // A browser lets a second Esc through, whatever the page says to the first.
  const onClosed = (): void => {
    if (stays) dialog.current?.showModal();
    else onClose();
  };
  return (
    <dialog ref={dialog} className={`dialog ${narrow ? "narrow" : ""}`} data-testid={testId} onClose={onClosed} onCancel={stays ? (event) => event.preventDefault() : undefined} aria-labelledby={id}>
      <header className="dialog-head">
        <h2 id={id}>{title}</h2>
        <span className="spacer" />
        {!stays && (
          <button type="button" className="icon-button" aria-label={t("common.close")} onClick={close}>
            <Icon name="cross" />
          </button>
        )}
      </header>
      <div className="dialog-body">{children(close)}</div>
    </dialog>
  );
}
