/** The trades of a run, newest first, and its figures over them. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import type { Run, RunTrade } from "../../api/types";
import { amount, grouping, signed, UNKNOWN } from "../../format/number";
import { utcDateTime } from "../../format/time";
import { useWords } from "../../i18n/useWords";
import { Failure } from "../../ui/Failure";
import { Waiting } from "../../ui/Waiting";
import { runTradesQuery } from "../queries";
import { FEW, figuresOf } from "./figures";
import { numberOf, textOf } from "./payload";
import { directionText, figureIn, whyText } from "./words";

const PAGES_MAX = 25;

/** Read anew whenever the run has closed one more. */
function useTrades(run: Run) {
  const found = useInfiniteQuery(runTradesQuery(run.id));
  const { refetch, hasNextPage, isFetching, fetchNextPage } = found;
  const pages = found.data?.pages.length ?? 0;
  // They come in the order in which they ended: the newest are on the last page.
  useEffect(() => {
    if (hasNextPage && !isFetching && pages < PAGES_MAX) void fetchNextPage();
  }, [hasNextPage, isFetching, pages, fetchNextPage]);
  const closed = run.totals?.trades ?? 0;
  useEffect(() => {
    if (closed > 0) void refetch();
  }, [closed, refetch]);
  return { found, trades: found.data?.pages.flatMap((page) => page.trades) ?? [] };
}

export function Trades({ run }: { run: Run }) {
  const { t } = useWords();
  const { found, trades } = useTrades(run);
  if (found.isError && found.data === undefined) return <Failure what={t("runs.tab.trades")} error={found.error} onRetry={() => void found.refetch()} />;
  if (found.data === undefined) return <Waiting rows={4} onRetry={() => void found.refetch()} />;
  if (trades.length === 0) return <p className="empty">{t("runs.trades_table.empty")}</p>;
  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls, and a keyboard must reach it for that
    <section className="wide" aria-label={t("runs.tab.trades")} tabIndex={0}>
      <table className="trades" data-testid="run-trades">
        <thead>
          <tr>
            <th scope="col">{t("runs.trades_table.number")}</th>
            {(["side", "opened", "at", "closed", "out", "why", "result"] as const).map((each) => (
              <th key={each} scope="col">
                {t(`backtests.trade.${each}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {[...trades].reverse().map((each) => (
            <TradeRow key={each.number} row={each} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

function TradeRow({ row: { number, trade } }: { row: RunTrade }) {
  const { t, language } = useWords();
  const time = (name: string): string => {
    const ms = numberOf(trade, name);
    return ms === null ? UNKNOWN : utcDateTime(ms);
  };
  return (
    <tr data-testid="run-trade">
      <td>{number}</td>
      <td>{directionText(t, textOf(trade, "side"))}</td>
      <td>{time("entry_time")}</td>
      <td>{figureIn(trade, "entry_price", { language })}</td>
      <td>{time("exit_time")}</td>
      <td>{figureIn(trade, "exit_price", { language })}</td>
      <td>{whyText(t, textOf(trade, "exit_reason"))}</td>
      <td>{signed(amount(textOf(trade, "pnl"), language))}</td>
    </tr>
  );
}

export function Stats({ run }: { run: Run }) {
  const { t, language } = useWords();
  const { found, trades } = useTrades(run);
  const { totals } = run;
  if (found.isError && found.data === undefined) return <Failure what={t("runs.tab.stats")} error={found.error} onRetry={() => void found.refetch()} />;
  if (totals === null) return <p className="empty">{t("runs.stats.none")}</p>;
  const figures = figuresOf(trades);
  const rows: readonly (readonly [string, string])[] = [
    [t("runs.net"), signed(amount(totals.net, language))],
    [t("runs.gross"), signed(amount(totals.gross, language))],
    [t("runs.fees"), amount(totals.fees, language)],
    [t("runs.funding"), amount(totals.funding, language)],
    [t("runs.equity"), amount(totals.equity, language)],
    [t("runs.trades"), String(totals.trades)],
    [t("runs.stats.won"), figures.wonPercent === null ? UNKNOWN : t("runs.stats.won_of", { percent: grouping(String(figures.wonPercent), language), won: figures.won, all: figures.trades })],
    [t("runs.stats.profit_factor"), figures.profitFactor === null ? UNKNOWN : grouping(figures.profitFactor, language)],
    [t("runs.stats.best"), signed(amount(figures.best, language))],
    [t("runs.stats.worst"), signed(amount(figures.worst, language))],
    [t("runs.stats.average"), signed(amount(figures.average, language))],
    [t("runs.stats.events"), grouping(String(run.event_seq), language)],
  ];
  return (
    <section className="box" aria-label={t("runs.tab.stats")} data-testid="run-stats">
      <dl className="facts connection-facts">
        {rows.map(([name, value]) => (
          <div key={name} className="facts-pair">
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <p className="hint">
        {t("runs.stats.counted", { count: figures.trades })}
        {figures.trades < FEW && `. ${t("runs.stats.few")}`}
      </p>
    </section>
  );
}
