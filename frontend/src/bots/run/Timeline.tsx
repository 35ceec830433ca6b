/**
 * What happened in a run, line by line, newest at the bottom. It follows what comes until somebody scrolls away; then it
 * stands still and counts what is new. Older events are loaded by pages when the top is reached.
 */
import { useCallback, useEffect, useMemo, useState } from "react";
import type { Run } from "../../api/types";
import { useWords } from "../../i18n/useWords";
import { failureText } from "../../i18n/words";
import { Failure } from "../../ui/Failure";
import { LongList } from "../../ui/LongList";
import { Waiting } from "../../ui/Waiting";
import { EventLine, useOpened } from "./EventLine";
import { GROUP_NAMES, kindsOf, linesOf, type Group, type Line } from "./rows";
import { isFiltered, type Tape, type TapeView } from "./tape";
import { useTape } from "./useTape";

const LINE_PX = 29;
const TYPING_MS = 300;
const keyOf = (line: Line): number => line.event.seq;

type Props = { readonly run: Run; readonly groups: readonly Group[]; readonly search: string; readonly onFilter: (groups: readonly Group[], search: string) => void };

export function Timeline({ run, groups, search, onFilter }: Props) {
  const [view, tape] = useTape(run.id, { kinds: kindsOf(groups), search });
  return (
    <section className="timeline">
      <Filter groups={groups} search={search} onFilter={onFilter} />
      <Body run={run} view={view} tape={tape} />
    </section>
  );
}

function Body({ run, view, tape }: { run: Run; view: TapeView; tape: Tape }) {
  const { t } = useWords();
  if (view.phase === "failed") return <Failure what={t("runs.tab.timeline")} error={view.error} onRetry={() => tape.retry()} />;
  if (view.phase === "loading") return <Waiting rows={8} onRetry={() => tape.retry()} />;
  if (view.events.length === 0) {
    const text = isFiltered(view.filter) ? t("runs.timeline.none_found") : run.events_removed_ms !== null ? t("runs.timeline.removed") : t("runs.timeline.empty");
    return (
      <p className="empty" data-testid="timeline-empty">
        {text}
      </p>
    );
  }
  return <Lines view={view} tape={tape} />;
}

function Lines({ view, tape }: { view: TapeView; tape: Tape }) {
  const { t } = useWords();
  const [opened, turn] = useOpened();
  const lines = useMemo(() => linesOf(view.events), [view.events]);
  const [toEnd, setToEnd] = useState(0);
  const last = view.events.at(-1)?.seq ?? 0;
  /** The newest event when somebody scrolled away from it; null: the end is followed. */
  const [leftAt, setLeftAt] = useState<number | null>(null);
  const fresh = leftAt === null ? 0 : view.events.filter(({ seq }) => seq > leftAt).length;
  const older = useCallback((): void => void tape.loadOlder(), [tape]);
  return (
    <div className="timeline-body">
      <LongList
        label={t("runs.timeline.label")}
        rows={lines}
        keyOf={keyOf}
        estimate={LINE_PX}
        testId="timeline"
        rowTestId="event"
        toEnd={toEnd}
        onFollow={(follows) => setLeftAt(follows ? null : last)}
        onTop={older}
        head={<Head view={view} tape={tape} />}
      >
        {(line) => <EventLine line={line} open={opened.has(line.event.seq)} onOpen={turn} />}
      </LongList>
      {leftAt !== null && (
        <button type="button" className="button small to-newest" data-testid="to-newest" onClick={() => setToEnd(toEnd + 1)}>
          {fresh > 0 ? t("runs.timeline.new", { count: fresh }) : t("runs.timeline.latest")}
        </button>
      )}
    </div>
  );
}

function Head({ view, tape }: { view: TapeView; tape: Tape }) {
  const { t, language } = useWords();
  return (
    <div className="timeline-head">
      {view.error !== null && (
        <p className="fault" role="alert">
          {t("runs.timeline.broken")} {failureText(t, view.error, language).text}{" "}
          <button type="button" className="link-button" onClick={() => tape.retry()}>
            {t("common.retry")}
          </button>
        </p>
      )}
      {view.older === null ? (
        <span className="muted">{t("runs.timeline.begin")}</span>
      ) : (
        <button type="button" className="link-button" data-testid="timeline-older" disabled={view.loadingOlder} onClick={() => void tape.loadOlder()}>
          {t(view.loadingOlder ? "runs.timeline.loading_older" : "runs.timeline.older")}
        </button>
      )}
    </div>
  );
}

function Filter({ groups, search, onFilter }: Omit<Props, "run">) {
  const { t } = useWords();
  const [typed, setTyped] = useState(search);
  useEffect(() => {
    if (typed === search) return;
    const timer = setTimeout(() => onFilter(groups, typed), TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed, search, groups, onFilter]);
  const turn = (group: Group): void => onFilter(groups.includes(group) ? groups.filter((each) => each !== group) : GROUP_NAMES.filter((each) => each === group || groups.includes(each)), typed);
  return (
    <div className="timeline-filter" role="group" aria-label={t("runs.timeline.kinds")}>
      <button type="button" className="button small" aria-pressed={groups.length === 0} data-testid="kinds-all" onClick={() => onFilter([], typed)}>
        {t("runs.timeline.all")}
      </button>
      {GROUP_NAMES.map((group) => (
        <button key={group} type="button" className="button small" aria-pressed={groups.includes(group)} data-testid={`kinds-${group}`} onClick={() => turn(group)}>
          {t(`runs.group.${group}`)}
        </button>
      ))}
      <input
        className="input"
        type="search"
        maxLength={80}
        value={typed}
        aria-label={t("runs.timeline.search")}
        placeholder={t("runs.timeline.search")}
        data-testid="timeline-search"
        onChange={(event) => setTyped(event.target.value)}
      />
    </div>
  );
}
