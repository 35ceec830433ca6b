/** One run: how it stands and what may be done with it, then what happened, by tabs that are in the address. */
import { useMutation } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useCallback, useEffect, useRef, type KeyboardEvent } from "react";
import { Refused } from "../../api/errors";
import { exportRun, type RunTable } from "../../api/runs";
import type { Run } from "../../api/types";
import { useStepUp } from "../../auth/stepUp";
import { useWords } from "../../i18n/useWords";
import { failureText } from "../../i18n/words";
import { EnvironmentFrame } from "../../shell/Environment";
import { NotFound } from "../../shell/NotFound";
import { save } from "../../tables/saving";
import { Failure } from "../../ui/Failure";
import { Popover } from "../../ui/Popover";
import { Waiting } from "../../ui/Waiting";
import { useRun } from "../useRun";
import { RunHead } from "./RunHead";
import { groupsIn, type Group } from "./rows";
import { RUN_TABS, type RunTab } from "./search";
import { Timeline } from "./Timeline";
import { Trace } from "./Trace";
import { Stats, Trades } from "./Trades";

export function RunPage() {
  const { t } = useWords();
  const { run: id } = useParams({ from: "/shell/bots/$bot/runs/$run" });
  const { run, error, again } = useRun(id);
  const title = run === null ? t("runs.what") : t("runs.title", { bot: run.bot_name, number: run.number });
  const state = run === null ? "" : t(`runs.state.${run.state}`);
  useEffect(() => {
    document.title = `${state === "" ? "" : `${state} · `}${title} · ${t("common.product")}`;
  }, [title, state, t]);
  if (error instanceof Refused && run === null) return <NotFound />;
  return (
    <main className="settings run-page" id="main" tabIndex={-1} aria-labelledby="run-title">
      {run?.environment === "live" && <EnvironmentFrame environment="live" />}
      {run !== null && <RunHead run={run} title={title} />}
      {run === null && error !== null && <Failure what={title} error={error} onRetry={again} />}
      {run === null && error === null && (
        <>
          <h1 id="run-title">{title}</h1>
          <Waiting rows={6} onRetry={again} />
        </>
      )}
      {run !== null && <Parts key={run.id} run={run} />}
    </main>
  );
}

function Parts({ run }: { run: Run }) {
  const { t } = useWords();
  const navigate = useNavigate();
  const { tab = "timeline", kinds, find = "" } = useSearch({ from: "/shell/bots/$bot/runs/$run" });
  const params = { bot: run.bot_id, run: run.id };
  const go = (next: RunTab): void => void navigate({ to: "/bots/$bot/runs/$run", params, search: { kinds, find: find === "" ? undefined : find, tab: next === "timeline" ? undefined : next } });
  const filter = useCallback(
    (groups: readonly Group[], search: string): void =>
      void navigate({
        to: "/bots/$bot/runs/$run",
        params: { bot: run.bot_id, run: run.id },
        search: { kinds: groups.length === 0 ? undefined : groups.join(","), find: search === "" ? undefined : search },
        replace: true,
      }),
    [navigate, run.bot_id, run.id],
  );
  return (
    <section aria-label={t("runs.tabs")} className="run-parts">
      <div className="run-tabs">
        <Tabs tab={tab} onTab={go} />
        <span className="spacer" />
        <Export run={run} />
        <Link to="/bots/$bot" params={{ bot: run.bot_id }} className="button small">
          {run.bot_name}
        </Link>
      </div>
      <div role="tabpanel" id={`run-panel-${tab}`} aria-labelledby={`run-tab-${tab}`} className="run-panel">
        {tab === "timeline" && <Timeline run={run} groups={groupsIn(kinds)} search={find} onFilter={filter} />}
        {tab === "trace" && <Trace runId={run.id} />}
        {tab === "trades" && <Trades run={run} />}
        {tab === "stats" && <Stats run={run} />}
      </div>
    </section>
  );
}

function Tabs({ tab, onTab }: { tab: RunTab; onTab: (tab: RunTab) => void }) {
  const { t } = useWords();
  const list = useRef<HTMLDivElement>(null);
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    const next = RUN_TABS[(RUN_TABS.indexOf(tab) + step + RUN_TABS.length) % RUN_TABS.length];
    if (step === 0 || next === undefined) return;
    event.preventDefault();
    onTab(next);
    list.current?.querySelector<HTMLButtonElement>(`#run-tab-${next}`)?.focus();
  };
  return (
    <div ref={list} role="tablist" aria-label={t("runs.tabs")} className="tabs" onKeyDown={onKeyDown}>
      {RUN_TABS.map((each) => (
        <button
          key={each}
          type="button"
          role="tab"
          id={`run-tab-${each}`}
          aria-selected={each === tab}
          aria-controls={each === tab ? `run-panel-${each}` : undefined}
          tabIndex={each === tab ? 0 : -1}
          data-testid={`run-tab-${each}`}
          onClick={() => onTab(each)}
        >
          {t(`runs.tab.${each}`)}
        </button>
      ))}
    </div>
  );
}

const FILES: readonly (readonly [RunTable, "json" | "csv"])[] = [
  ["events", "json"],
  ["events", "csv"],
  ["trades", "json"],
  ["trades", "csv"],
];

function Export({ run }: { run: Run }) {
  const { t, language } = useWords();
  const withProof = useStepUp();
  const exporting = useMutation({
    mutationFn: ([table, kind]: (typeof FILES)[number]) => withProof(() => exportRun(run.id, table, kind)),
    onSuccess: ({ file, name }) => save(file, name),
  });
  return (
    <>
      <Popover label={t("runs.export")} trigger={t("runs.export")} triggerClass="button small" testId="run-export">
        {(close) => (
          <div className="stack tight">
            {FILES.map(([table, kind]) => (
              <button
                key={`${table}.${kind}`}
                type="button"
                className="button quiet"
                data-testid={`export-${table}-${kind}`}
                onClick={() => {
                  close();
                  exporting.mutate([table, kind]);
                }}
              >
                {t(`runs.export_table.${table}`)}, {kind.toUpperCase()}
              </button>
            ))}
          </div>
        )}
      </Popover>
      {exporting.isPending && (
        <span className="hint" role="status">
          {t("runs.exporting")}
        </span>
      )}
      {exporting.isError && (
        <span className="fault" role="alert">
          {failureText(t, exporting.error, language).text}
        </span>
      )}
    </>
  );
}
