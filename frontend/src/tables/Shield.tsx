/** Whether a position has its stop at the exchange: by word, drawing and colour, with the time it has been without. */
import type { Instrument, Position } from "../api/types";
import { stepped } from "../format/number";
import { exactTime } from "../format/time";
import { useWords } from "../i18n/useWords";
import { reasonShort } from "../i18n/words";
import { useNow } from "../stream/hooks";
import { Icon, type IconName } from "../ui/Icon";

const DRAWING: Readonly<Record<NonNullable<Position["protection"]>["state"], IconName>> = {
  protected: "shield",
  naked: "warning",
  repairing: "spinner",
  flattening: "stop",
};

export function Shield({ position, instrument, onSet }: { position: Position; instrument: Instrument | null; onSet: () => void }) {
  const { t, language } = useWords();
  const { protection } = position;
  if (protection === null) {
    return (
      <span className="shield none" data-testid="shield" data-state="none" title={t("tables.shield_none_hint")}>
        <Icon name="ring" /> {t("tables.shield_none")}
      </span>
    );
  }
  const words = { stop: stepped(protection.stop, instrument?.tick_size ?? protection.stop, language) };
  const why = protection.why === null ? null : reasonShort(t, { code: protection.why, params: {}, exchange_code: null, exchange_text: null });
  return (
    <span className={`shield ${protection.state}`} data-testid="shield" data-state={protection.state} title={hint(t(`tables.shield_${protection.state}_hint`, words), why, position.stops_read_ms)}>
      <Icon name={DRAWING[protection.state]} className={protection.state === "repairing" ? "spinning" : ""} /> {t(`tables.shield_${protection.state}`, words)}
      {protection.naked_since_ms !== null && <Since ms={protection.naked_since_ms} />}
      {/* That its stop is missing is what the word before it says. */}
      {why !== null && protection.state !== "protected" && protection.why !== "protection.missing" && <span className="muted"> · {why}</span>}
      {protection.state === "naked" && (
        <button type="button" className="link-button" data-testid="shield-set" onClick={onSet}>
          {t("tables.shield_set")}
        </button>
      )}
    </span>
  );
}

function hint(text: string, why: string | null, readMs: number | null): string {
  return [text, why, readMs === null ? null : exactTime(readMs)].filter((part) => part !== null).join(" · ");
}

/** `0:42`, running. */
function Since({ ms }: { ms: number }) {
  const seconds = Math.max(0, Math.floor((useNow(1_000) - ms) / 1000));
  return (
    <span role="timer" aria-live="off" className="shield-since">
      {Math.floor(seconds / 60)}:{String(seconds % 60).padStart(2, "0")}
    </span>
  );
}
