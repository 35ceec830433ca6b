/** The way in: opens the terminal of the first account, or waits until the built-in one is ready. */
import { useQuery } from "@tanstack/react-query";
import { Link, Navigate } from "@tanstack/react-router";
import { accountsQuery } from "../app/session";
import { useWords } from "../i18n/useWords";
import { Failure } from "../ui/Failure";
import { Waiting } from "../ui/Waiting";

export function HomePage() {
  const { t } = useWords();
  const accounts = useQuery({
    ...accountsQuery,
    refetchInterval: ({ state }) => (state.data !== undefined && state.data.length > 0 ? false : 1500),
  });
  const first = accounts.data?.find((account) => account.environment === "sim") ?? accounts.data?.[0];
  if (first !== undefined) {
    const params = { account: first.id, category: "linear", symbol: "BTCUSDT" };
    return <Navigate to="/terminal/$account/$category/$symbol" params={params} replace />;
  }
  return (
    <main className="lone">
      {accounts.isError ? (
        <Failure what={t("shell.accounts")} error={accounts.error} onRetry={() => void accounts.refetch()} />
      ) : accounts.isPending ? (
        <Waiting rows={6} onRetry={() => void accounts.refetch()} />
      ) : (
        <div className="box">
          <h1>{t("terminal.no_account_title")}</h1>
          <p className="muted">{t("terminal.no_account_text")}</p>
          <Link to="/settings/accounts" className="button">
            {t("shell.manage_accounts")}
          </Link>
        </div>
      )}
    </main>
  );
}
