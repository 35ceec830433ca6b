/** Differences between us and the exchange: what each is, ours → theirs, and what somebody decides about it. */
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useEffect } from "react";
import { accountsQuery, sessionQuery } from "../app/session";
import { useWords } from "../i18n/useWords";
import { accountName } from "../i18n/words";
import { NotFound } from "../shell/NotFound";
import { Failure } from "../ui/Failure";
import { Waiting } from "../ui/Waiting";
import { DifferenceCard } from "./DifferenceCard";
import { differencesQuery } from "./queries";

export function DifferencesPage() {
  const { t } = useWords();
  const { account: accountId } = useParams({ from: "/shell/settings/accounts/$account/differences" });
  const accounts = useQuery(accountsQuery);
  const found = useQuery(differencesQuery(accountId));
  const session = useQuery(sessionQuery).data;
  const account = accounts.data?.find((each) => each.id === accountId);
  const title = t("differences.title", { account: account === undefined ? "" : accountName(t, account) });
  useEffect(() => {
    document.title = `${title} · ${t("common.product")}`;
  }, [title, t]);
  if (accounts.isSuccess && account === undefined) return <NotFound />;
  const mayDecide = session?.workspace?.role !== "viewer";
  const waiting = found.data?.filter((each) => each.choices.length > 0 || each.state === "closing") ?? [];
  const past = found.data?.filter((each) => !waiting.includes(each)) ?? [];
  return (
    <main className="settings" id="main" tabIndex={-1} aria-labelledby="differences-title">
      <div className="settings-head">
        <h1 id="differences-title">{title}</h1>
        <span className="spacer" />
        <Link to="/settings/accounts/$account" params={{ account: accountId }} className="button small">
          {t("differences.back")}
        </Link>
      </div>
      <p className="hint">{t("differences.intro")}</p>
      {!mayDecide && <p className="hint">{t("ticket.block_viewer")}</p>}
      {found.isError && found.data === undefined && <Failure what={title} error={found.error} onRetry={() => void found.refetch()} />}
      {found.data === undefined && !found.isError && <Waiting rows={4} onRetry={() => void found.refetch()} />}
      {found.data !== undefined && waiting.length === 0 && (
        <p className="muted" data-testid="differences-empty">
          {t("differences.empty")}
        </p>
      )}
      {waiting.map((each) => (
        <DifferenceCard key={each.id} difference={each} mayDecide={mayDecide} />
      ))}
      {past.length > 0 && (
        <details>
          <summary>{t("differences.past")}</summary>
          <div className="stack">
            {past.map((each) => (
              <DifferenceCard key={each.id} difference={each} mayDecide={false} />
            ))}
          </div>
        </details>
      )}
    </main>
  );
}
