/** One bot: its settings now, what they were, and every run of it. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useEffect } from "react";
import { Refused } from "../api/errors";
import type { Bot, BotVersion, Run } from "../api/types";
import { amount, grouping, signed } from "../format/number";
import { exactTime, utcDateTime } from "../format/time";
import { useWords } from "../i18n/useWords";
import { accountName } from "../i18n/words";
import { EnvironmentBadge, EnvironmentFrame } from "../shell/Environment";
import { NotFound } from "../shell/NotFound";
import { useRuns } from "../stream/hooks";
import { Failure } from "../ui/Failure";
import { Waiting } from "../ui/Waiting";
import { BotActions } from "./BotActions";
import { botQuery, botVersionsQuery, runsOfBotQuery, strategyQuery } from "./queries";
import { RunChip } from "./RunChip";
import { reasonText } from "./run/words";
import { newest, useMayTrade, useMemberName } from "./useRun";
import { MINUTE_MS } from "./wizard/draft";

export function BotPage() {
  const { t } = useWords();
  const { bot: id } = useParams({ from: "/shell/bots/$bot" });
  const found = useQuery(botQuery(id));
  const bot = found.data;
  const title = bot?.name ?? t("bots.one");
  useEffect(() => {
    document.title = `${title} · ${t("common.product")}`;
  }, [title, t]);
  if (found.error instanceof Refused && bot === undefined) return <NotFound />;
  return (
    <main className="settings" id="main" tabIndex={-1} aria-labelledby="bot-title">
      {bot?.current?.environment === "live" && <EnvironmentFrame environment="live" />}
      <div className="settings-head">
        <h1 id="bot-title">{title}</h1>
        {bot?.current != null && <EnvironmentBadge environment={bot.current.environment} />}
        <span className="spacer" />
        <Link to="/bots" className="button small">
          {t("bots.back")}
        </Link>
        {bot !== undefined && <Actions bot={bot} />}
      </div>
      {found.isError && bot === undefined && <Failure what={title} error={found.error} onRetry={() => void found.refetch()} />}
      {bot === undefined && !found.isError && <Waiting rows={5} onRetry={() => void found.refetch()} />}
      {bot?.state === "archived" && <p className="caution">{t("bots.archived_text")}</p>}
      {bot !== undefined && <Settings bot={bot} />}
      {bot !== undefined && <History bot={bot} />}
      {bot !== undefined && <Versions bot={bot} />}
    </main>
  );
}

function Actions({ bot }: { bot: Bot }) {
  const view = useRuns();
  const told = view.phase === "live" ? [...view.rows.values()].filter((run) => run.bot_id === bot.id).sort((a, b) => b.number - a.number)[0] : undefined;
  return <BotActions bot={bot} run={newest(told, bot.newest_run)} />;
}

function Settings({ bot }: { bot: Bot }) {
  const { t } = useWords();
  const mayTrade = useMayTrade();
  const { current } = bot;
  return (
    <section className="box" aria-labelledby="settings-title" data-testid="bot-settings">
      <div className="settings-head">
        <h2 id="settings-title">{current === null ? t("bots.settings") : t("bots.settings_of", { number: current.number })}</h2>
        <span className="spacer" />
        {mayTrade && bot.state !== "archived" && (
          <Link to="/bots/new" search={{ bot: bot.id, step: "strategy" }} className="button small" data-testid="bot-edit">
            {t("bots.edit")}
          </Link>
        )}
      </div>
      {current === null ? <p className="hint">{t("bots.draft_text")}</p> : <Facts version={current} isCurrent />}
    </section>
  );
}

function Facts({ version, isCurrent = false }: { version: BotVersion; isCurrent?: boolean }) {
  const { t, language } = useWords();
  const { spec, limits } = version;
  const strategy = useQuery({ ...strategyQuery(spec.strategy_id), enabled: isCurrent }).data;
  const params = version.params.map(({ name, value }) => `${name} = ${grouping(String(value), language)}`).join(", ");
  const rows: readonly (readonly [string, string])[] = [
    [t("bots.account"), accountName(t, { name: version.account_name, environment: version.environment })],
    [t("bots.symbol"), `${version.symbol} (${version.category})`],
    [t("bots.params"), params === "" ? t("bots.params_default") : params],
    [t("bots.capital"), amount(version.capital, language)],
    [t("bots.max_loss"), amount(limits.max_loss, language)],
    [t("bots.max_position"), limits.max_position === null ? t("bots.as_strategy") : amount(limits.max_position, language)],
    [t("bots.max_orders"), String(limits.max_orders_a_minute)],
    [t("bots.duration"), t("bots.minutes", { count: Math.round(version.duration_ms / MINUTE_MS) })],
    [t("bots.at_end"), t(`bots.end.${version.at_end}`)],
  ];
  return (
    <dl className="facts connection-facts">
      <div className="facts-pair">
        <dt>{t("bots.strategy")}</dt>
        <dd>
          <Link to="/strategies/$spec" params={{ spec: spec.strategy_id }} search={{ v: spec.number }}>
            {spec.strategy_name} {t("bots.version", { number: spec.number })}
          </Link>
          {strategy !== undefined && strategy.newest.number > spec.number && <span className="hint"> · {t("bots.newer_version", { number: strategy.newest.number })}</span>}
        </dd>
      </div>
      {rows.map(([name, value]) => (
        <div key={name} className="facts-pair">
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Versions({ bot }: { bot: Bot }) {
  const { t } = useWords();
  const nameOf = useMemberName();
  const found = useQuery({ ...botVersionsQuery(bot.id), enabled: (bot.current?.number ?? 1) > 1 });
  const others = found.data?.filter((each) => each.number !== bot.current?.number) ?? [];
  if (found.isError && found.data === undefined) return <Failure what={t("bots.versions")} error={found.error} onRetry={() => void found.refetch()} />;
  if (others.length === 0) return null;
  return (
    <section aria-labelledby="versions-title">
      <h2 id="versions-title">{t("bots.versions")}</h2>
      {others.map((each) => (
        <details key={each.number} className="box" data-testid="bot-version">
          <summary>{t("bots.version_line", { number: each.number, time: utcDateTime(each.created_ms), name: nameOf(each.created_by) ?? "" })}</summary>
          <Facts version={each} />
        </details>
      ))}
    </section>
  );
}

function History({ bot }: { bot: Bot }) {
  const { t } = useWords();
  const found = useInfiniteQuery(runsOfBotQuery(bot.id));
  const view = useRuns();
  const read = found.data?.pages.flatMap((page) => page.runs) ?? [];
  const told = view.phase === "live" ? [...view.rows.values()].filter((run) => run.bot_id === bot.id) : [];
  const ids = new Set([...told, ...read].map(({ id }) => id));
  const rows = [...ids]
    .map((id) =>
      newest(
        told.find((run) => run.id === id),
        read.find((run) => run.id === id),
      ),
    )
    .filter((run) => run !== null)
    .sort((a, b) => b.number - a.number);
  return (
    <section aria-labelledby="runs-title">
      <h2 id="runs-title">{t("bots.history")}</h2>
      {found.isError && found.data === undefined && <Failure what={t("bots.history")} error={found.error} onRetry={() => void found.refetch()} />}
      {found.data === undefined && !found.isError && <Waiting rows={3} onRetry={() => void found.refetch()} />}
      {found.data !== undefined && rows.length === 0 && <p className="hint">{t("bots.first_run")}</p>}
      {rows.map((run) => (
        <RunLine key={run.id} run={run} />
      ))}
      {found.hasNextPage && (
        <button type="button" className="button small table-more" disabled={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
          {t("common.load_more")}
        </button>
      )}
    </section>
  );
}

function RunLine({ run }: { run: Run }) {
  const { t, language } = useWords();
  const nameOf = useMemberName();
  const began = run.began_ms ?? run.created_ms;
  return (
    <article className="box connection" data-testid="run-line" data-state={run.state}>
      <div className="connection-head">
        <Link to="/bots/$bot/runs/$run" params={{ bot: run.bot_id, run: run.id }} data-testid="run-open">
          <strong>{t("runs.one", { number: run.number })}</strong>
        </Link>
        <RunChip run={run} />
        <span className="spacer" />
        <span>{signed(amount(run.totals?.net, language))}</span>
      </div>
      <p className="muted">
        <time dateTime={exactTime(began)}>{utcDateTime(began)} UTC</time>
        {run.reason !== null && ` · ${reasonText(run.reason, { t, language, nameOf })}`}
      </p>
    </article>
  );
}
