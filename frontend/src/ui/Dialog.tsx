/** A modal dialog with a title, a body and a way out; Esc and the cross close it, focus returns to where it was. */
import { useEffect, useId, useRef, type ReactNode } from "react";
import { useWords } from "../i18n/useWords";
import { Icon } from "./Icon";

type Props = {
  readonly title: string;
  readonly testId: string;
  readonly onClose: () => void;
  readonly narrow?: boolean;
  readonly children: (close: () => void) => ReactNode;
};

export function Dialog({ title, testId, onClose, narrow = true, children }: Props) {
  const { t } = useWords();
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => dialog.current?.showModal(), []);
  const close = (): void => dialog.current?.close();
  return (
    <dialog ref={dialog} className={`dialog ${narrow ? "narrow" : ""}`} data-testid={testId} onClose={onClose} aria-labelledby={id}>
      <header className="dialog-head">
        <h2 id={id}>{title}</h2>
        <span className="spacer" />
        <button type="button" className="icon-button" aria-label={t("common.close")} onClick={close}>
          <Icon name="cross" />
        </button>
      </header>
      <div className="dialog-body">{children(close)}</div>
    </dialog>
  );
}
