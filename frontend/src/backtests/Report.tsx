/** A report: its figures, the equity as a curve, what to beware of, and the last trades. */
import type { BacktestReport } from "../api/types";
import { grouping } from "../format/number";
import { utcDateTime } from "../format/time";
import { useWords } from "../i18n/useWords";
import { figure, money, pathOf } from "./figures";

const BOX = { width: 800, height: 200 };
const TRADES_SHOWN = 50;

export function Report({ report }: { report: BacktestReport }) {
  const { t, language } = useWords();
  const { metrics } = report;
  const figures: readonly (readonly [string, string])[] = [
    [t("backtests.net_profit"), `${money(metrics.net_profit, language)} (${figure(metrics.net_profit_pct, language)} %)`],
    [t("backtests.buy_and_hold"), `${figure(report.buy_and_hold.net_profit_pct, language)} %`],
    [t("backtests.max_drawdown"), `${figure(metrics.max_drawdown_pct, language)} %`],
    [t("backtests.trades"), String(metrics.trades)],
    [t("backtests.win_rate"), metrics.win_rate === null ? figure(null, language) : `${figure(100 * metrics.win_rate, language)} %`],
    [t("backtests.profit_factor"), figure(metrics.profit_factor, language)],
    [t("backtests.sharpe"), `${figure(metrics.sharpe, language)} / ${figure(metrics.sortino, language)}`],
    [t("backtests.costs"), `${money(metrics.fees, language)} / ${money(metrics.funding, language)}`],
    [t("backtests.exposure"), `${figure(metrics.exposure_pct, language)} %`],
    [t("backtests.span"), `${utcDateTime(report.from)} – ${utcDateTime(report.to)} UTC`],
    [t("backtests.bars"), String(report.bars)],
  ];
  return (
    <>
      <section className="box" aria-labelledby="figures-title" data-testid="backtest-report">
        <h2 id="figures-title">{t("backtests.figures")}</h2>
        <dl className="facts connection-facts">
          {figures.map(([name, value]) => (
            <div key={name} className="facts-pair">
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      </section>
      <Equity report={report} />
      {report.warnings.length > 0 && (
        <section className="box" aria-labelledby="warnings-title">
          <h2 id="warnings-title">{t("backtests.warnings")}</h2>
          <ul>
            {report.warnings.map((each) => (
              <li key={each.code}>
                <span className="code">{each.code}</span> ({each.count}×): {each.message}
              </li>
            ))}
          </ul>
        </section>
      )}
      <Trades report={report} />
    </>
  );
}

function Equity({ report }: { report: BacktestReport }) {
  const { t, language } = useWords();
  const values = report.equity.map(([, value]) => value);
  const told = t("backtests.equity_told", {
    begin: figure(values[0], language),
    end: figure(values.at(-1), language),
    low: figure(Math.min(...values), language),
    high: figure(Math.max(...values), language),
  });
  return (
    <section className="box" aria-labelledby="equity-title">
      <h2 id="equity-title">{t("backtests.equity")}</h2>
      <svg className="equity" viewBox={`0 -4 ${BOX.width} ${BOX.height + 8}`} preserveAspectRatio="none" role="img" aria-label={told}>
        <path d={pathOf(report.equity, BOX)} fill="none" stroke="currentColor" strokeWidth="2" vectorEffect="non-scaling-stroke" />
      </svg>
      <p className="muted">{told}</p>
    </section>
  );
}

function Trades({ report }: { report: BacktestReport }) {
  const { t, language } = useWords();
  const shown = report.trades.slice(-TRADES_SHOWN).reverse();
  if (shown.length === 0) return null;
  const all = report.trades.length + report.trades_left_out;
  return (
    <section className="box" aria-labelledby="trades-title">
      <h2 id="trades-title">{t("backtests.last_trades", { shown: shown.length, all })}</h2>
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls, and a keyboard must reach it for that */}
      <div className="wide" role="group" aria-labelledby="trades-title" tabIndex={0}>
        <table className="trades">
          <thead>
            <tr>
              {(["side", "opened", "at", "closed", "out", "why", "result"] as const).map((each) => (
                <th key={each} scope="col">
                  {t(`backtests.trade.${each}`)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((each, index) => (
              <tr key={index}>
                <td>{t(`backtests.trade.${each.side}`)}</td>
                <td>{utcDateTime(each.entry_time)}</td>
                <td>{grouping(each.entry_price, language)}</td>
                <td>{utcDateTime(each.exit_time)}</td>
                <td>{grouping(each.exit_price, language)}</td>
                <td>{each.exit_reason}</td>
                <td>{money(each.pnl, language)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
