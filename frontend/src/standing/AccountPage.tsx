/** One account beside its trading: whether it goes on, its limits, its request budget, its modes. */
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useEffect } from "react";
import type { Account } from "../api/types";
import { accountsQuery, sessionQuery } from "../app/session";
import { useWords } from "../i18n/useWords";
import { accountName, faultText } from "../i18n/words";
import { EnvironmentBadge } from "../shell/Environment";
import { NotFound } from "../shell/NotFound";
import { useAccount } from "../stream/hooks";
import { Failure } from "../ui/Failure";
import { Waiting } from "../ui/Waiting";
import { barOf } from "./bar";
import { Budget } from "./Budget";
import { Limits } from "./Limits";
import { Modes } from "./Modes";
import { Stopped } from "./Stopped";

export function AccountPage() {
  const { t } = useWords();
  const { account: accountId } = useParams({ from: "/shell/settings/accounts/$account" });
  const accounts = useQuery(accountsQuery);
  const account = accounts.data?.find((each) => each.id === accountId);
  if (account !== undefined) return <Page account={account} />;
  if (accounts.isSuccess) return <NotFound />;
  return (
    <main className="lone">
      {accounts.isError ? <Failure what={t("shell.accounts")} error={accounts.error} onRetry={() => void accounts.refetch()} /> : <Waiting rows={6} onRetry={() => void accounts.refetch()} />}
    </main>
  );
}

function Page({ account }: { account: Account }) {
  const { t, language } = useWords();
  const state = useAccount(account.id);
  const session = useQuery(sessionQuery).data;
  const live = state.phase === "live" || state.phase === "resyncing" ? state.data.account : account;
  const role = session?.workspace?.role ?? "viewer";
  const name = accountName(t, live);
  useEffect(() => {
    document.title = `${name} · ${t("common.product")}`;
  }, [name, t]);
  return (
    <main className="settings" id="main" tabIndex={-1} aria-labelledby="account-title">
      <div className="settings-head">
        <EnvironmentBadge environment={live.environment} />
        <h1 id="account-title">{name}</h1>
        <span className="muted">{t(`links.session.${live.session.state}`)}</span>
        <span className="spacer" />
        <Link to="/settings/accounts" className="button small">
          {t("standing.all_accounts")}
        </Link>
        <Link to="/terminal/$account/$category/$symbol" params={{ account: live.id, category: "linear", symbol: "BTCUSDT" }} className="button small">
          {t("connections.open")}
        </Link>
      </div>
      {live.session.reason !== null && <p className="caution">{faultText(t, live.session.reason, language)}</p>}
      {live.stopped !== null && <Stopped accountId={live.id} stop={live.stopped} mayTrade={role !== "viewer"} />}
      <Limits accountId={live.id} maySet={role === "owner"} isOperator={session?.user?.is_operator === true} />
      <Budget accountId={live.id} />
      <Modes account={live} bar={barOf(role, live)} />
    </main>
  );
}
