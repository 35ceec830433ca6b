/** Backtests of the workspace: a form for a new one, and those there are, newest first. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect } from "react";
import type { Backtest } from "../api/types";
import { sessionQuery } from "../app/session";
import { exactTime, utcDateTime } from "../format/time";
import { useWords } from "../i18n/useWords";
import { Failure } from "../ui/Failure";
import { Waiting } from "../ui/Waiting";
import { figure } from "./figures";
import { NewBacktest } from "./NewBacktest";
import { backtestsQuery } from "./queries";
import { State } from "./State";

export function BacktestsPage() {
  const { t } = useWords();
  const found = useQuery(backtestsQuery);
  const mayAsk = useQuery(sessionQuery).data?.workspace?.role !== "viewer";
  const again = (): void => void found.refetch();
  useEffect(() => {
    document.title = `${t("backtests.title")} · ${t("common.product")}`;
  }, [t]);
  return (
    <main className="settings" id="main" tabIndex={-1} aria-labelledby="backtests-title">
      <h1 id="backtests-title">{t("backtests.title")}</h1>
      <p className="hint">{t("backtests.intro")}</p>
      {mayAsk ? <NewBacktest /> : <p className="hint">{t("backtests.viewer")}</p>}
      <section aria-labelledby="backtests-list-title">
        <h2 id="backtests-list-title">{t("backtests.list")}</h2>
        {found.isError && found.data === undefined && <Failure what={t("backtests.list")} error={found.error} onRetry={again} />}
        {found.data === undefined && !found.isError && <Waiting rows={3} onRetry={again} />}
        {found.data?.length === 0 && (
          <p className="muted" data-testid="backtests-empty">
            {t("backtests.empty")}
          </p>
        )}
        {found.data?.map((each) => (
          <Card key={each.id} backtest={each} />
        ))}
      </section>
    </main>
  );
}

function Card({ backtest }: { backtest: Backtest }) {
  const { t, language } = useWords();
  const { metrics } = backtest;
  return (
    <article className="box connection" data-testid="backtest">
      <header className="connection-head">
        <Link to="/backtests/$backtest" params={{ backtest: backtest.id }} data-testid="backtest-open">
          <strong>{backtest.name}</strong>
        </Link>
        <State backtest={backtest} />
      </header>
      <p className="muted">
        {backtest.symbol} · {backtest.timeframe} · {t(`backtests.origin.${backtest.origin}`)} ·{" "}
        <time dateTime={exactTime(backtest.created_ms)}>{utcDateTime(backtest.created_ms)} UTC</time>
      </p>
      {metrics !== null && (
        <p>
          {t("backtests.summary", {
            profit: figure(metrics.net_profit_pct, language),
            drawdown: figure(metrics.max_drawdown_pct, language),
            trades: metrics.trades,
          })}
        </p>
      )}
    </article>
  );
}
