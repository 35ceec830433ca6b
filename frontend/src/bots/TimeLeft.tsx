/** The time that a run still has, counted down, with a bar; near the end it is said louder. */
import type { Run } from "../api/types";
import { useWords } from "../i18n/useWords";
import { useClocks, useNow } from "../stream/hooks";
import { clockText, nearness, timeLeft } from "./time_left";

export function TimeLeft({ run, bar = false }: { run: Run; bar?: boolean }) {
  const { t } = useWords();
  const clocks = useClocks(run.environment);
  const now = useNow(1000);
  const left = timeLeft(run, clocks, now);
  if (left === null) return bar ? null : <span className="muted">—</span>;
  const near = nearness(left);
  const text = clockText(left.leftMs);
  return (
    <span className={`time-left ${near}`} data-testid="time-left" data-near={near}>
      <span>{bar ? t("runs.left", { time: text }) : text}</span>
      {bar && <progress className="filled-bar" max={1} value={1 - left.share} aria-label={t("runs.left_label")} />}
    </span>
  );
}
