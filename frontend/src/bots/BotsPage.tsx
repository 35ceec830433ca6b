/** All bots of the workspace, each with how its newest run stands; filters are in the address. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import type { BotFilter } from "../api/bots";
import type { Bot, Environment, Run, RunState } from "../api/types";
import { templatesQuery } from "../backtests/queries";
import { amount, signed, signOf, UNKNOWN } from "../format/number";
import { exactTime, tableTime } from "../format/time";
import { useWords } from "../i18n/useWords";
import { EnvironmentBadge, ENVIRONMENT_WORD } from "../shell/Environment";
import { useNow, useRuns } from "../stream/hooks";
import { DataTable, numeric, type Column } from "../tables/DataTable";
import { Choice } from "../ui/Choice";
import { Failure } from "../ui/Failure";
import { Waiting } from "../ui/Waiting";
import { BotActions } from "./BotActions";
import { botsQuery } from "./queries";
import { RunChip } from "./RunChip";
import { filterOf, RUN_STATES, type BotsSearch } from "./search";
import { TimeLeft } from "./TimeLeft";
import { newest, useMayTrade } from "./useRun";

const MINUTE_MS = 60_000;
const TYPING_MS = 300;

export function BotsPage() {
  const { t } = useWords();
  const search = useSearch({ from: "/shell/bots" });
  const mayTrade = useMayTrade();
  const filter = filterOf(search);
  useEffect(() => {
    document.title = `${t("bots.title")} · ${t("common.product")}`;
  }, [t]);
  return (
    <main className="settings wide-page" id="main" tabIndex={-1} aria-labelledby="bots-title">
      <div className="settings-head">
        <h1 id="bots-title">{t("bots.title")}</h1>
        <span className="spacer" />
        <Link to="/strategies" className="button small">
          {t("strategies.title")}
        </Link>
        {mayTrade && (
          <Link to="/bots/new" className="button small primary" data-testid="bot-new">
            {t("bots.new")}
          </Link>
        )}
      </div>
      <p className="hint">{t(mayTrade ? "bots.intro" : "bots.viewer")}</p>
      <Filters search={search} />
      <List filter={filter} isNarrow={Object.keys(filter).length > 0} />
    </main>
  );
}

function List({ filter, isNarrow }: { filter: BotFilter; isNarrow: boolean }) {
  const { t } = useWords();
  const found = useInfiniteQuery(botsQuery(filter));
  const view = useRuns();
  const bots = found.data?.pages.flatMap((page) => page.bots) ?? [];
  const again = (): void => void found.refetch();
  // A run that began or ended may have moved its bot in or out of the filter.
  const moved = view.phase === "live" ? [...view.rows.values()].map(({ id, state }) => `${id}${state}`).join() : "";
  const { refetch } = found;
  useEffect(() => {
    if (moved !== "") void refetch();
  }, [moved, refetch]);
  if (found.isError && found.data === undefined) return <Failure what={t("bots.list")} error={found.error} onRetry={again} />;
  if (found.data === undefined) return <Waiting rows={5} onRetry={again} />;
  if (bots.length === 0) return isNarrow ? <p className="empty">{t("bots.none_found")}</p> : <Empty />;
  const runOf = (bot: Bot): Run | null => newest(view.phase === "live" ? newestOf(view.rows, bot.id) : undefined, bot.newest_run);
  return <Table rows={bots.map((bot) => ({ bot, run: runOf(bot) }))} older={found.hasNextPage ? () => void found.fetchNextPage() : undefined} pending={found.isFetchingNextPage} />;
}

/** The stream may know a run that the list was read before. */
function newestOf(rows: ReadonlyMap<string, Run>, botId: string): Run | undefined {
  let found: Run | undefined;
  for (const run of rows.values()) if (run.bot_id === botId && (found === undefined || run.number > found.number)) found = run;
  return found;
}

type Row = { readonly bot: Bot; readonly run: Run | null };

function Table({ rows, older, pending }: { rows: readonly Row[]; older: (() => void) | undefined; pending: boolean }) {
  const { t, language } = useWords();
  const now = useNow(MINUTE_MS);
  const columns: readonly Column<Row>[] = [
    {
      key: "name",
      head: t("bots.column.name"),
      wide: true,
      sort: ({ bot }) => bot.name,
      cell: ({ bot }) => (
        <Link to="/bots/$bot" params={{ bot: bot.id }} data-testid="bot-open">
          <strong>{bot.name}</strong>
        </Link>
      ),
    },
    {
      key: "environment",
      head: t("bots.column.environment"),
      wide: true, // which money it is stands on a card, too
      cell: ({ bot }) => (bot.current === null ? UNKNOWN : <EnvironmentBadge environment={bot.current.environment} />),
    },
    {
      key: "strategy",
      head: t("bots.column.strategy"),
      optional: true,
      sort: ({ bot }) => bot.current?.spec.strategy_name ?? null,
      cell: ({ bot }) =>
        bot.current === null ? (
          UNKNOWN
        ) : (
          <Link to="/strategies/$spec" params={{ spec: bot.current.spec.strategy_id }} search={{ v: bot.current.spec.number }}>
            {bot.current.spec.strategy_name} {t("bots.version", { number: bot.current.spec.number })}
          </Link>
        ),
    },
    { key: "symbol", head: t("bots.column.symbol"), wide: true, sort: ({ bot }) => bot.current?.symbol ?? null, cell: ({ bot }) => bot.current?.symbol ?? UNKNOWN },
    {
      key: "state",
      head: t("bots.column.state"),
      wide: true,
      sort: ({ bot, run }) => run?.state ?? bot.state,
      cell: ({ bot, run }) =>
        run === null || bot.state === "archived" ? (
          <span className="chip muted" data-testid="bot-state" data-state={bot.state}>
            {t(`bots.state.${bot.state}`)}
          </span>
        ) : (
          <Link to="/bots/$bot/runs/$run" params={{ bot: bot.id, run: run.id }} className="chip-link" data-testid="run-open">
            <RunChip run={run} />
          </Link>
        ),
    },
    { key: "left", head: t("bots.column.left"), optional: true, numeric: true, cell: ({ run }) => (run === null ? UNKNOWN : <TimeLeft run={run} />) },
    {
      key: "net",
      head: t("bots.column.net"),
      wide: true,
      numeric: true,
      sort: ({ run }) => numeric(run?.totals?.net),
      cell: ({ run }) => <span className={{ 1: "up", 0: "", "-1": "down" }[signOf(run?.totals?.net)]}>{signed(amount(run?.totals?.net, language))}</span>,
    },
    {
      key: "last",
      head: t("bots.column.last"),
      optional: true,
      sort: ({ run }) => run?.ended_ms ?? run?.began_ms ?? run?.created_ms ?? null,
      cell: ({ run }) => (run === null ? UNKNOWN : <LastEvent run={run} now={now} />),
    },
    { key: "actions", head: t("bots.column.actions"), cell: ({ bot, run }) => <BotActions bot={bot} run={run} /> },
  ];
  return (
    <DataTable
      name="bots"
      label={t("bots.list")}
      columns={columns}
      rows={rows}
      keyOf={({ bot }) => bot.id}
      rowTestId="bot-row"
      rowData={({ bot, run }) => ({ "data-name": bot.name, "data-state": run?.state ?? bot.state })}
      onOlder={older}
      olderPending={pending}
    />
  );
}

/** The last bar that it decided on, by market time; else when it ended or began. */
function LastEvent({ run, now }: { run: Run; now: number }) {
  const { t } = useWords();
  const ms = run.ended_ms ?? run.bar_open_ms ?? run.began_ms ?? run.created_ms;
  const what = run.ended_ms !== null ? t("runs.ended") : run.bar_open_ms !== null ? t("runs.kind.bar") : run.began_ms !== null ? t("runs.began") : t("runs.created");
  return (
    <span>
      {what} <time dateTime={exactTime(ms)}>{tableTime(ms, now)}</time>
    </span>
  );
}

function Empty() {
  const { t } = useWords();
  const templates = useQuery(templatesQuery).data ?? [];
  const mayTrade = useMayTrade();
  return (
    <section data-testid="bots-empty">
      <p className="hint">{t("bots.empty")}</p>
      <ul className="template-cards">
        {templates.map((each) => (
          <li key={each.template} className="box" data-testid="template-card" data-template={each.template}>
            <strong>{each.spec.name}</strong>
            <span className="muted">
              {each.spec.symbol} · {each.spec.timeframe}
            </span>
            <span>{each.spec.description}</span>
            {mayTrade && (
              <Link to="/bots/new" search={{ template: each.template }} className="button small">
                {t("bots.create_from")}
              </Link>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

const ENVIRONMENTS: readonly Environment[] = ["sim", "demo", "testnet", "live"];

function Filters({ search }: { search: BotsSearch }) {
  const { t } = useWords();
  const navigate = useNavigate();
  const [typed, setTyped] = useState(search.name ?? "");
  const set = (part: BotsSearch): void => void navigate({ to: "/bots", search: (old) => ({ ...old, ...part }), replace: true });
  useEffect(() => {
    if (typed === (search.name ?? "")) return;
    const timer = setTimeout(() => void navigate({ to: "/bots", search: (old) => ({ ...old, name: typed === "" ? undefined : typed }), replace: true }), TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed, search.name, navigate]);
  const states: readonly ("any" | "archived" | RunState)[] = ["any", ...RUN_STATES, "archived"];
  const isNarrow = Object.values(search).some((each) => each !== undefined);
  return (
    <div className="row" role="group" aria-label={t("bots.filter.label")}>
      <input
        className="input bots-find"
        type="search"
        maxLength={80}
        value={typed}
        aria-label={t("bots.filter.name")}
        placeholder={t("bots.filter.name")}
        data-testid="bots-find"
        onChange={(event) => setTyped(event.target.value)}
      />
      <Choice
        label={t("bots.filter.state")}
        value={search.state ?? "any"}
        testId="bots-state"
        options={states.map((value) => ({ value, label: value === "any" ? t("bots.filter.any_state") : value === "archived" ? t("bots.filter.archived") : t(`runs.state.${value}`) }))}
        onChange={(state) => set({ state: state === "any" ? undefined : state })}
      />
      <Choice
        label={t("bots.filter.environment")}
        value={search.env ?? "any"}
        testId="bots-env"
        options={["any" as const, ...ENVIRONMENTS].map((value) => ({ value, label: value === "any" ? t("bots.filter.any_environment") : ENVIRONMENT_WORD[value] }))}
        onChange={(env) => set({ env: env === "any" ? undefined : env })}
      />
      {isNarrow && (
        <button
          type="button"
          className="link-button"
          onClick={() => {
            setTyped("");
            set({ name: undefined, state: undefined, env: undefined, spec: undefined });
          }}
        >
          {t("bots.filter.clear")}
        </button>
      )}
    </div>
  );
}
