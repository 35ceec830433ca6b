/** One backtest: how far it is, then its figures, equity, warnings and last trades. */
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { useEffect } from "react";
import { cancelBacktest, removeBacktest } from "../api/backtests";
import { Refused } from "../api/errors";
import type { Backtest } from "../api/types";
import { queries } from "../app/services";
import { sessionQuery } from "../app/session";
import { useWords } from "../i18n/useWords";
import { failureText, faultText } from "../i18n/words";
import { NotFound } from "../shell/NotFound";
import { Failure } from "../ui/Failure";
import { Waiting } from "../ui/Waiting";
import { backtestQuery, backtestsQuery, isLive, reportQuery } from "./queries";
import { Report } from "./Report";
import { State } from "./State";

export function BacktestPage() {
  const { t } = useWords();
  const { backtest: id } = useParams({ from: "/shell/backtests/$backtest" });
  const found = useQuery(backtestQuery(id));
  const report = useQuery({ ...reportQuery(id), enabled: found.data?.state === "finished" });
  const title = found.data?.name ?? t("backtests.one");
  useEffect(() => {
    document.title = `${title} · ${t("common.product")}`;
  }, [title, t]);
  if (found.error instanceof Refused && found.data === undefined) return <NotFound />;
  return (
    <main className="settings" id="main" tabIndex={-1} aria-labelledby="backtest-title">
      <div className="settings-head">
        <h1 id="backtest-title">{title}</h1>
        {found.data !== undefined && <State backtest={found.data} />}
        <span className="spacer" />
        <Link to="/backtests" className="button small">
          {t("backtests.back")}
        </Link>
        {found.data !== undefined && <Actions backtest={found.data} />}
      </div>
      {found.isError && found.data === undefined && <Failure what={title} error={found.error} onRetry={() => void found.refetch()} />}
      {found.data === undefined && !found.isError && <Waiting rows={4} onRetry={() => void found.refetch()} />}
      {found.data !== undefined && <Facts backtest={found.data} />}
      {report.isError && <Failure what={t("backtests.report")} error={report.error} onRetry={() => void report.refetch()} />}
      {report.data !== undefined && <Report report={report.data} />}
    </main>
  );
}

function Facts({ backtest }: { backtest: Backtest }) {
  const { t, language } = useWords();
  return (
    <>
      <p className="muted">
        {backtest.symbol} · {backtest.timeframe} · {t(`backtests.origin.${backtest.origin}`)}
      </p>
      {backtest.state === "queued" && <p className="hint">{t("backtests.waits")}</p>}
      {backtest.reason !== null && (
        <p className="fault" data-testid="backtest-reason">
          {faultText(t, backtest.reason, language)}
        </p>
      )}
    </>
  );
}

function Actions({ backtest }: { backtest: Backtest }) {
  const { t, language } = useWords();
  const navigate = useNavigate();
  const mayAsk = useQuery(sessionQuery).data?.workspace?.role !== "viewer";
  const cancelling = useMutation({
    mutationFn: () => cancelBacktest(backtest.id),
    onSuccess: (now) => queries.setQueryData(backtestQuery(backtest.id).queryKey, now),
  });
  const removing = useMutation({
    mutationFn: () => removeBacktest(backtest.id),
    onSuccess: async () => {
      await navigate({ to: "/backtests" });
      queries.removeQueries({ queryKey: backtestQuery(backtest.id).queryKey });
      await queries.invalidateQueries({ queryKey: backtestsQuery.queryKey, exact: true });
    },
  });
  if (!mayAsk) return null;
  const error = cancelling.error ?? removing.error;
  return (
    <>
      {isLive(backtest) ? (
        <button
          type="button"
          className="button small"
          data-testid="backtest-cancel"
          disabled={cancelling.isPending || backtest.cancel_asked}
          onClick={() => cancelling.mutate()}
        >
          {t("backtests.cancel")}
        </button>
      ) : (
        <button type="button" className="button small danger" data-testid="backtest-remove" disabled={removing.isPending} onClick={() => removing.mutate()}>
          {t("backtests.remove")}
        </button>
      )}
      {error !== null && (
        <span className="fault" role="alert">
          {failureText(t, error, language).text}
        </span>
      )}
    </>
  );
}
