/** The cancel of one row. It goes away with the order's life, and hands the focus on when it held it. */
import { useLayoutEffect, useRef } from "react";
import { useWords } from "../i18n/useWords";

type Props = {
  readonly label: string;
  readonly busy: boolean;
  /** Null: cancelling is possible; else why it is not. */
  readonly block: string | null;
  readonly onCancel: () => void;
};

export function CancelButton({ label, busy, block, onCancel }: Props) {
  const { t } = useWords();
  const button = useRef<HTMLButtonElement>(null);
  const closed = busy || block !== null;

  useLayoutEffect(() => {
    const here = button.current;
    return () => {
      if (here === null || document.activeElement !== here) return;
      const row = here.closest("tr");
      // After this change is in the document: the row may leave with its button. The row and not another of its buttons,
      // which an impatient second press would set off.
      queueMicrotask(() => {
        if (row?.isConnected !== true) return document.getElementById("orders")?.focus();
        row.tabIndex = -1;
        row.focus();
      });
    };
  }, []);

  return (
    <button
      ref={button}
      type="button"
      className="button small"
      data-testid="order-cancel"
      // Not `disabled`: that would drop the focus at the first press.
      aria-disabled={closed}
      title={block ?? undefined}
      aria-label={label}
      onClick={() => !closed && onCancel()}
    >
      {busy ? t("tables.cancelling") : t("tables.cancel")}
    </button>
  );
}
