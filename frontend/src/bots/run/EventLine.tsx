/** One event of a timeline: when, what kind, what it says; a bar opens to its rules. Set in under what led to it. */
import { useState } from "react";
import { exactTime, localTime } from "../../format/time";
import { useWords } from "../../i18n/useWords";
import { Icon } from "../../ui/Icon";
import { useMemberName } from "../useRun";
import { FoldedRules, OpenRules } from "./BarRules";
import { payloadOf, rulesOf } from "./payload";
import type { Line } from "./rows";
import { eventText } from "./words";

export function EventLine({ line, open, onOpen }: { line: Line; open: boolean; onOpen: (seq: number) => void }) {
  const { t, language } = useWords();
  const nameOf = useMemberName();
  const { event, depth } = line;
  const payload = payloadOf(event);
  const isBar = event.kind === "bar" && rulesOf(payload).length > 0;
  const clock = event.market_ms ?? event.at_ms;
  return (
    <div className={`event depth-${depth} ${event.level} kind-${event.kind}`} data-kind={event.kind} data-level={event.level} data-root={line.root}>
      <time dateTime={exactTime(event.at_ms)} title={`${exactTime(event.at_ms)}${event.market_ms === null ? "" : ` · ${exactTime(clock)}`}`}>
        {localTime(event.at_ms)}
      </time>
      <span className="event-kind">{t(`runs.kind.${event.kind}`)}</span>
      <span className="event-text">
        {event.level !== "info" && (
          <>
            <Icon name="warning" />
            <span className="visually-hidden">{t(event.level === "error" ? "runs.level.error" : "runs.level.warning")}: </span>
          </>
        )}
        {eventText(event, { t, language, nameOf })}
        {isBar && !open && (
          <>
            {" · "}
            <FoldedRules payload={payload} />
          </>
        )}
        {isBar && open && <OpenRules payload={payload} />}
      </span>
      {isBar && (
        <button
          type="button"
          className="icon-button small"
          aria-expanded={open}
          aria-label={t(open ? "runs.timeline.close" : "runs.timeline.open")}
          title={t(open ? "runs.timeline.close" : "runs.timeline.open")}
          data-testid="event-open"
          onClick={() => onOpen(event.seq)}
        >
          <Icon name="chevron" className={open ? "turned" : ""} />
        </button>
      )}
    </div>
  );
}

/** Which bars are opened, by their numbers. */
export function useOpened(): readonly [ReadonlySet<number>, (seq: number) => void] {
  const [opened, setOpened] = useState<ReadonlySet<number>>(new Set());
  const turn = (seq: number): void =>
    setOpened((old) => {
      const next = new Set(old);
      if (!next.delete(seq)) next.add(seq);
      return next;
    });
  return [opened, turn];
}
