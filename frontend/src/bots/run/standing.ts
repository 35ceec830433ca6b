/** Words on how a run stands that several screens say: its position, and what was asked of it and not done yet. */
import type { Run } from "../../api/types";
import { grouping, UNKNOWN, type Language } from "../../format/number";
import type { Words } from "../../i18n/words";
import { isOver } from "../../stream/runs";

/** Null where it holds nothing. */
export function positionWords(t: Words, run: Run, language: Language): string | null {
  const position = run.totals?.position ?? null;
  if (position === null) return null;
  return t("runs.position_of", {
    direction: t(`runs.direction.${position.direction}`),
    quantity: grouping(position.quantity, language),
    price: position.entry_price === null ? UNKNOWN : grouping(position.entry_price, language),
  });
}

/** What somebody asked of it that it has not done yet. */
export function pendingWish(t: Words, run: Run): string | null {
  if (isOver(run) || run.state === "queued") return null;
  if (run.wishes.stop !== null) return t(`runs.stopping_how.${run.wishes.stop}`);
  if (run.wishes.paused && run.state === "running") return t("runs.pausing");
  if (!run.wishes.paused && run.state === "paused") return t("runs.resuming");
  return null;
}
