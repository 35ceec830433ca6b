/**
 * A button that acts only when it is held: pressed by mistake it does nothing, and letting go early takes it back.
 *
 * By pointer, or with Space or Enter held down. Letting go, Escape, leaving the button, another window: each ends the
 * hold, and nothing happens. A press that cannot be held (a switch, a screen reader's click) is told of by `onTap`, so
 * every use of this button needs another way beside it.
 */
import { useEffect, useRef, useState, type ReactNode } from "react";

export const HOLD_MS = 1_500;
const STEPS = 6;

type Props = {
  readonly children: ReactNode;
  /** In place of `children` while it is held. */
  readonly holding: string;
  readonly describedBy: string;
  readonly disabled?: boolean;
  readonly testId: string;
  readonly onHeld: () => void;
  readonly onStart: () => void;
  /** It was let go too early. */
  readonly onLetGo: () => void;
  readonly onTap: () => void;
};

export function HoldButton({ children, holding, describedBy, disabled = false, testId, onHeld, onStart, onLetGo, onTap }: Props) {
  const [step, setStep] = useState(0);
  const timer = useRef<ReturnType<typeof setInterval> | null>(null);
  const isHeld = step > 0;

  const stop = (): boolean => {
    if (timer.current === null) return false;
    clearInterval(timer.current);
    timer.current = null;
    setStep(0);
    return true;
  };
  const letGo = (): void => {
    if (stop()) onLetGo();
  };
  const start = (): void => {
    if (disabled || timer.current !== null) return;
    let done = 0;
    // By steps and not by frames: the bar also moves where motion is reduced, and in a busy page it is late, never early.
    timer.current = setInterval(() => {
      done += 1;
      if (done < STEPS) return setStep(done + 1);
      stop();
      onHeld();
    }, HOLD_MS / STEPS);
    setStep(1);
    onStart();
  };

  // The dialog may close, and the button be switched off, under the finger.
  useEffect(() => () => void (timer.current !== null && clearInterval(timer.current)), []);
  useEffect(() => {
    if (disabled) stop();
  }, [disabled]);
  useEffect(() => {
    if (!isHeld) return;
    window.addEventListener("blur", letGo);
    return () => window.removeEventListener("blur", letGo);
  });

  return (
    <button
      type="button"
      className="button danger filled hold"
      data-first
      data-testid={testId}
      data-held={isHeld}
      disabled={disabled}
      aria-describedby={describedBy}
      onPointerDown={(event) => event.button === 0 && start()}
      onPointerUp={letGo}
      onPointerLeave={letGo}
      onPointerCancel={letGo}
      onBlur={letGo}
      onContextMenu={(event) => event.preventDefault()} // a long touch is the hold, not a menu
      onKeyDown={(event) => {
        if (event.key === "Escape") return void stop();
        if (event.key !== " " && event.key !== "Enter") return;
        event.preventDefault();
        if (!event.repeat) start();
      }}
      onKeyUp={(event) => (event.key === " " || event.key === "Enter") && letGo()}
      // Neither a pointer nor a key came before it: it cannot be held.
      onClick={(event) => event.detail === 0 && onTap()}
    >
      <span className="hold-bar" style={{ transform: `scaleX(${step / STEPS})` }} />
      <span className="hold-text">{isHeld ? holding : children}</span>
    </button>
  );
}
