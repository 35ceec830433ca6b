/** The accounts of the workspace: the simulated one, those of the exchange, and how to add one by its key. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { flushSync } from "react-dom";
import type { Account } from "../api/types";
import { queries } from "../app/services";
import { accountsQuery, sessionQuery } from "../app/session";
import { useWords } from "../i18n/useWords";
import { accountName } from "../i18n/words";
import { EnvironmentBadge } from "../shell/Environment";
import { Failure } from "../ui/Failure";
import { Waiting } from "../ui/Waiting";
import { AddConnection } from "./AddConnection";
import { ConnectionCard } from "./ConnectionCard";
import { connectionsQuery } from "./queries";

export function AccountsPage() {
  const { t } = useWords();
  const accounts = useQuery(accountsQuery);
  const connections = useQuery(connectionsQuery);
  const session = useQuery(sessionQuery);
  const mayTrade = session.data?.workspace?.role !== "viewer";
  const [adding, setAdding] = useState(false);
  const opener = useRef<HTMLButtonElement>(null);
  const found = connections.data?.filter((each) => each.state === "ok").length ?? 0;
  // A key that was found good has made an account: the header must know it too.
  useEffect(() => {
    if (found > 0) void queries.invalidateQueries({ queryKey: accountsQuery.queryKey });
  }, [found]);
  // The form takes its focus along when it goes; the button it came from is shown again for it.
  const done = (): void => {
    flushSync(() => setAdding(false));
    opener.current?.focus();
  };
  useEffect(() => {
    document.title = `${t("connections.title")} · ${t("common.product")}`;
  }, [t]);

  return (
    <main className="settings" id="main" tabIndex={-1} aria-labelledby="accounts-title">
      <div className="settings-head">
        <h1 id="accounts-title">{t("connections.title")}</h1>
        <span className="spacer" />
        <button
          ref={opener}
          type="button"
          className="button primary"
          data-testid="connection-add"
          hidden={adding}
          disabled={!mayTrade}
          onClick={() => setAdding(true)}
        >
          {t("connections.add")}
        </button>
      </div>
      {!mayTrade && <p className="hint">{t("connections.viewer")}</p>}
      {adding && <AddConnection onDone={done} />}
      <section aria-labelledby="simulated-title">
        <h2 id="simulated-title">{t("connections.simulated")}</h2>
        {accounts.isError && <Failure what={t("shell.accounts")} error={accounts.error} onRetry={() => void accounts.refetch()} />}
        {accounts.data === undefined && !accounts.isError && <Waiting rows={1} onRetry={() => void accounts.refetch()} />}
        {accounts.data?.every((each) => each.environment !== "sim") === true && <p className="muted">{t("connections.no_simulated")}</p>}
        {accounts.data
          ?.filter((each) => each.environment === "sim" && each.connection_id === null)
          .map((each) => (
            <SimulatedCard key={each.id} account={each} />
          ))}
      </section>
      <section aria-labelledby="connected-title">
        <h2 id="connected-title">{t("connections.connected")}</h2>
        {connections.isError && (
          <Failure what={t("connections.connected")} error={connections.error} onRetry={() => void connections.refetch()} />
        )}
        {connections.data === undefined && !connections.isError && <Waiting rows={2} onRetry={() => void connections.refetch()} />}
        {connections.data?.length === 0 && (
          <p className="muted" data-testid="connections-empty">
            {t("connections.empty")}{" "}
            {!adding && mayTrade && (
              <button type="button" className="link-button" onClick={() => setAdding(true)}>
                {t("connections.add")}
              </button>
            )}
          </p>
        )}
        {connections.data?.map((each) => (
          <ConnectionCard key={each.id} connection={each} mayTrade={mayTrade} />
        ))}
      </section>
    </main>
  );
}

function SimulatedCard({ account }: { account: Account }) {
  const { t } = useWords();
  return (
    <article className="box connection" data-testid="simulated-account">
      <header className="connection-head">
        <EnvironmentBadge environment="sim" />
        <strong>{accountName(t, account)}</strong>
        <span className="spacer" />
        <Link to="/settings/accounts/$account" params={{ account: account.id }} className="button small" data-testid="account-standing">
          {t("standing.open")}
        </Link>
        <Link
          to="/terminal/$account/$category/$symbol"
          params={{ account: account.id, category: "linear", symbol: "BTCUSDT" }}
          className="button small"
        >
          {t("connections.open")}
        </Link>
      </header>
      <p className="muted">{t("shell.env_sim_hint")}</p>
    </article>
  );
}
