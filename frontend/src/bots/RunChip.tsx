/** How a run stands, in a chip: a drawing and a word; of one that waits how many are ahead and which quota holds it. */
import type { Run, RunState } from "../api/types";
import { localTime } from "../format/time";
import { useWords } from "../i18n/useWords";
import type { Words } from "../i18n/words";
import { Icon, type IconName } from "../ui/Icon";
import { useMemberName } from "./useRun";

const DRAWING: Readonly<Record<RunState, IconName>> = {
  queued: "hourglass",
  starting: "spinner",
  running: "ring",
  paused: "half",
  stopping: "stop",
  finished: "check",
  stopped: "barred",
  failed: "cross",
  halted: "shield",
};
const TONE: Readonly<Record<RunState, string>> = {
  queued: "neutral",
  starting: "info",
  running: "accent",
  paused: "warning",
  stopping: "warning",
  finished: "strong",
  stopped: "muted",
  failed: "danger",
  halted: "danger",
};

export function RunChip({ run }: { run: Run }) {
  const { t } = useWords();
  const nameOf = useMemberName();
  const held = heldText(t, run);
  return (
    <span className="run-standing">
      <span className={`chip ${TONE[run.state]}`} data-testid="run-state" data-state={run.state} title={held ?? undefined}>
        <Icon name={DRAWING[run.state]} className={run.state === "starting" ? "spinning" : ""} />
        {chipText(t, run, nameOf(run.wishes.paused_by))}
      </span>
      {held !== null && (
        <span className="hint" data-testid="run-held">
          {held}
        </span>
      )}
    </span>
  );
}

export function chipText(t: Words, run: Run, pausedBy: string | null): string {
  if (run.state === "queued") {
    if (run.queue !== null) return run.queue.ahead === 0 ? t("runs.queued_next") : t("runs.queued_ahead", { count: run.queue.ahead });
    return run.start_at_ms === null ? t("runs.state.queued") : t("runs.scheduled", { time: localTime(run.start_at_ms) });
  }
  if (run.state === "paused" && pausedBy !== null) return t("runs.paused_by", { name: pausedBy });
  return t(`runs.state.${run.state}`);
}

/** Which quota a queued run waits for. */
export function heldText(t: Words, run: Run): string | null {
  return run.state !== "queued" || run.queue === null ? null : t(`runs.held.${run.queue.held_by}`, { limit: run.queue.limit ?? "" });
}
