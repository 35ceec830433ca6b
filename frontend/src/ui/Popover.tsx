/** A button with a panel under it: opened by press, closed by Esc, by a press elsewhere or by leaving it. */
import { useEffect, useId, useRef, useState, type ReactNode } from "react";

type Props = {
  readonly label: string;
  readonly trigger: ReactNode;
  readonly triggerClass: string;
  readonly children: (close: () => void) => ReactNode;
  readonly side?: "left" | "right";
  readonly testId?: string;
  readonly state?: string;
};

export function Popover({ label, trigger, triggerClass, children, side = "right", testId, state }: Props) {
  const [open, setOpen] = useState(false);
  const anchor = useRef<HTMLSpanElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const panel = useId();

  useEffect(() => {
    if (!open) return;
    const outside = (event: Event): void => {
      if (event.target instanceof Node && anchor.current?.contains(event.target) === false) setOpen(false);
    };
    const escape = (event: KeyboardEvent): void => {
      if (event.key !== "Escape") return;
      setOpen(false);
      button.current?.focus();
    };
    document.addEventListener("pointerdown", outside);
    document.addEventListener("focusin", outside);
    document.addEventListener("keydown", escape);
    return () => {
      document.removeEventListener("pointerdown", outside);
      document.removeEventListener("focusin", outside);
      document.removeEventListener("keydown", escape);
    };
  }, [open]);

  return (
    <span className="anchor" ref={anchor}>
      <button
        ref={button}
        type="button"
        className={triggerClass}
        aria-label={label}
        aria-expanded={open}
        aria-controls={panel}
        data-testid={testId}
        data-state={state}
        onClick={() => setOpen(!open)}
      >
        {trigger}
      </button>
      {open && (
        <div id={panel} className={`popover ${side}`} role="group" aria-label={label}>
          {children(() => setOpen(false))}
        </div>
      )}
    </span>
  );
}
