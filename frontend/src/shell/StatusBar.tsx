/** The foot of every signed-in screen: what the account is worth, and what time it is here and in the market. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { amount } from "../format/number";
import { localTime, utcDateTime, utcTime } from "../format/time";
import { useWords } from "../i18n/useWords";
import { budgetQuery } from "../standing/queries";
import type { AccountState } from "../stream/account";
import { useClocks, useLink, useNow, useRuns } from "../stream/hooks";
import { isAtWork } from "../stream/runs";
import type { Clocks } from "../stream/store";

/** A market this far from our clock runs on its own time. */
const OWN_TIME_MS = 5_000;

export function StatusBar({ state }: { state: AccountState | null }) {
  const { t, language } = useWords();
  const link = useLink();
  const data = state !== null && (state.phase === "live" || state.phase === "resyncing") ? state.data : null;
  const clocks = useClocks(data?.account.environment ?? null);
  const now = useNow(1000);
  const balances = data?.balances ?? null;
  // Also while its session is not whole: what the account is worth is then only what was last heard.
  const old = link.state === "live" && data?.account.session.state === "ready" ? "" : "old";
  const serverNow = now + (clocks?.serverOffsetMs ?? 0);
  const market = marketNow(clocks, now, serverNow);
  return (
    <footer className="status-bar" aria-label={t("shell.status_bar")}>
      <span>
        <span className="muted">{t("shell.equity")} </span>
        <strong className={old} data-testid="equity">
          {amount(balances?.total_equity, language)}
        </strong>{" "}
        <span className="muted">USDT</span>
      </span>
      <span className="wide-only">
        <span className="muted">{t("shell.available")} </span>
        <span className={old}>{amount(balances?.total_available, language)}</span>
      </span>
      {data !== null && <Requests accountId={data.account.id} now={now} />}
      <Bots />
      <span className="spacer" />
      {market !== null && (
        <span data-testid="market-time">
          <span className="muted">{t("shell.market_time")} </span>
          {utcDateTime(market.nowMs)}
          {market.speed !== 1 && <span className="muted"> {t("shell.market_speed", { speed: market.speed })}</span>}
        </span>
      )}
      <span>
        <span className="muted">{t("shell.utc")} </span>
        {utcTime(serverNow)}
      </span>
    </footer>
  );
}

/** How many bots are at work, whatever the account; nothing where there is none. */
function Bots() {
  const { t } = useWords();
  const view = useRuns();
  const rows = view.phase === "live" ? [...view.rows.values()] : [];
  const running = rows.filter(isAtWork).length;
  const waiting = rows.filter(({ state }) => state === "queued").length;
  if (running + waiting === 0) return null;
  return (
    <Link to="/bots" className="muted" data-testid="bots-bar" data-running={running}>
      {t("bots.running", { count: running })}
      {waiting > 0 && ` · ${t("bots.waiting", { count: waiting })}`}
    </Link>
  );
}

/** What is used of what the exchange may be asked; loud only when it has to be. */
function Requests({ accountId, now }: { accountId: string; now: number }) {
  const { t } = useWords();
  const budget = useQuery(budgetQuery(accountId)).data;
  if (budget === undefined || budget.told_ms === null) return null;
  const silent = budget.silent_until_ms !== null && budget.silent_until_ms > now;
  return (
    <Link
      to="/settings/accounts/$account"
      params={{ account: accountId }}
      className={`wide-only requests ${silent ? "caution" : "muted"}`}
      data-testid="budget-bar"
      data-silent={silent}
    >
      {silent && budget.silent_until_ms !== null
        ? t("standing.budget_bar_silent", { time: localTime(budget.silent_until_ms) })
        : t("standing.budget_bar", { used: budget.address_used, limit: budget.address_limit })}
    </Link>
  );
}

function marketNow(clocks: Clocks | null, now: number, serverNow: number): { nowMs: number; speed: number } | null {
  if (clocks === null || clocks.marketNowMs === null) return null;
  const nowMs = clocks.marketNowMs + (now - clocks.heardAtMs) * clocks.marketSpeed;
  if (Math.abs(nowMs - serverNow) < OWN_TIME_MS) return null;
  const speed = clocks.marketSpeed >= 2 ? Math.round(clocks.marketSpeed) : Math.round(clocks.marketSpeed * 10) / 10;
  return { nowMs, speed };
}
