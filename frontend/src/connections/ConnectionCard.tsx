/** One connection as it stands: whether its key is good, what it may do, where its requests go, and what can be done. */
import { useMutation } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { checkConnection, dropChange } from "../api/connections";
import type { Connection } from "../api/types";
import { queries } from "../app/services";
import { ArmingCard } from "../arming/ArmingCard";
import { exactTime, tableTime } from "../format/time";
import { useWords } from "../i18n/useWords";
import { failureText, faultText } from "../i18n/words";
import { useNow } from "../stream/hooks";
import { EnvironmentBadge } from "../shell/Environment";
import { Icon, type IconName } from "../ui/Icon";
import { ChangeKey } from "./ChangeKey";
import { RemoveConnection } from "./RemoveConnection";
import { RenameConnection } from "./RenameConnection";
import { TopUpForm } from "./TopUpForm";
import { connectionsQuery } from "./queries";

const DRAWING: Readonly<Record<Connection["state"], IconName>> = {
  checking: "spinner",
  ok: "check",
  refused: "cross",
  removed: "barred",
};

export function ConnectionCard({ connection, mayTrade }: { connection: Connection; mayTrade: boolean }) {
  const { t, language } = useWords();
  const now = useNow(60_000);
  const [open, setOpen] = useState<"change" | "rename" | "remove" | null>(null);
  const close = (): void => setOpen(null);
  const again = useMutation({
    mutationFn: () => checkConnection(connection.id),
    onSettled: () => queries.invalidateQueries({ queryKey: connectionsQuery.queryKey }),
  });
  return (
    <article className="box connection" data-testid="connection" data-state={connection.state} aria-label={connection.name}>
      <header className="connection-head">
        <EnvironmentBadge environment={connection.environment} />
        <strong>{connection.name}</strong>
        <span className={`connection-state ${connection.state}`} role="status">
          <Icon name={DRAWING[connection.state]} className={connection.state === "checking" ? "spinning" : ""} />
          {connection.state === "ok" && connection.key_facts?.read_only === true ? t("connections.state_read_only") : t(`connections.state_${connection.state}`)}
        </span>
        <span className="spacer" />
        {connection.state === "ok" && connection.account_id !== null && (
          <Link
            to="/terminal/$account/$category/$symbol"
            params={{ account: connection.account_id, category: "linear", symbol: "BTCUSDT" }}
            className="button small"
            data-testid="connection-open"
          >
            {t("connections.open")}
          </Link>
        )}
        {connection.account_id !== null && (
          <Link to="/settings/accounts/$account" params={{ account: connection.account_id }} className="button small" data-testid="account-standing">
            {t("standing.open")}
          </Link>
        )}
        <button
          type="button"
          className="button small"
          data-testid="connection-check"
          disabled={!mayTrade || connection.state === "checking" || again.isPending}
          onClick={() => again.mutate()}
        >
          {t("connections.check_again")}
        </button>
        <button type="button" className="button small" data-testid="connection-change" disabled={!mayTrade} onClick={() => setOpen("change")}>
          {t("connections.change")}
        </button>
        <button type="button" className="button small" data-testid="connection-rename" disabled={!mayTrade} onClick={() => setOpen("rename")}>
          {t("connections.rename")}
        </button>
        <button
          type="button"
          className="button small danger"
          data-testid="connection-remove"
          disabled={!mayTrade}
          onClick={() => setOpen("remove")}
        >
          {t("connections.remove")}
        </button>
      </header>
      {connection.reason !== null && (
        <p className={connection.state === "refused" ? "fault" : "caution"} data-testid="connection-reason">
          {faultText(t, connection.reason, language)}
        </p>
      )}
      {connection.warnings.length > 0 && (
        <ul className="connection-warnings" data-testid="connection-warnings">
          {connection.warnings.map((each) => (
            <li key={each.code} className="caution">
              {faultText(t, each, language)}
            </li>
          ))}
        </ul>
      )}
      {connection.change !== null && <ChangeNote connection={connection} change={connection.change} mayTrade={mayTrade} />}
      {again.isError && <p className="fault">{failureText(t, again.error, language).text}</p>}
      <dl className="facts connection-facts">
        <dt>{t("connections.key")}</dt>
        <dd>
          <span className="code">…{connection.key_shown}</span>
        </dd>
        <dt>{t("connections.host")}</dt>
        <dd>{connection.host}</dd>
        {connection.proxy_shown !== null && (
          <>
            <dt>{t("connections.proxy")}</dt>
            <dd>{connection.proxy_shown}</dd>
          </>
        )}
        {connection.key_facts !== null && <KeyFacts facts={connection.key_facts} />}
        <dt>{t("connections.id")}</dt>
        <dd>
          <span className="code">{connection.id}</span>
        </dd>
        <dt>{t("connections.checked")}</dt>
        <dd>
          {connection.checked_ms === null ? (
            "—"
          ) : (
            <time dateTime={exactTime(connection.checked_ms)} title={exactTime(connection.checked_ms)}>
              {tableTime(connection.checked_ms, now)}
            </time>
          )}
        </dd>
      </dl>
      {connection.environment === "live" && connection.account_id !== null && <ArmingCard accountId={connection.account_id} />}
      {connection.environment === "demo" && connection.state === "ok" && connection.key_facts?.read_only !== true && <TopUpForm connection={connection} mayTrade={mayTrade} />}
      {open === "change" && <ChangeKey connection={connection} onClose={close} />}
      {open === "rename" && <RenameConnection connection={connection} onClose={close} />}
      {open === "remove" && <RemoveConnection connection={connection} onClose={close} />}
    </article>
  );
}

/** What was asked for beside what is in force: being checked, or why it was not taken. */
function ChangeNote({ connection, change, mayTrade }: { connection: Connection; change: NonNullable<Connection["change"]>; mayTrade: boolean }) {
  const { t, language } = useWords();
  const dropping = useMutation({
    mutationFn: () => dropChange(connection.id),
    onSettled: () => queries.invalidateQueries({ queryKey: connectionsQuery.queryKey }),
  });
  const what = change.key_shown === null ? t("connections.change_way") : t("connections.change_to", { key: change.key_shown });
  return (
    <div className="connection-change" data-testid="connection-change-note" data-state={change.state} role="status">
      <p className={change.state === "refused" ? "fault" : "muted"}>
        {t(`connections.change_${change.state}`, { what })} {change.reason !== null && faultText(t, change.reason, language)}
      </p>
      <button type="button" className="button small" data-testid="connection-change-drop" disabled={!mayTrade || dropping.isPending} onClick={() => dropping.mutate()}>
        {change.state === "refused" ? t("connections.change_put_away") : t("connections.change_give_up")}
      </button>
    </div>
  );
}

function KeyFacts({ facts }: { facts: NonNullable<Connection["key_facts"]> }) {
  const { t } = useWords();
  const may = Object.entries(facts.permissions)
    .filter(([, rights]) => rights.length > 0)
    .map(([area, rights]) => `${area}: ${rights.join(", ")}`)
    .join("; ");
  const everywhere = facts.ips.length === 0 || facts.ips.includes("*");
  return (
    <>
      <dt>{t("connections.uid")}</dt>
      <dd>{facts.uid}</dd>
      <dt>{t("connections.permissions")}</dt>
      <dd>{may === "" ? "—" : facts.read_only ? t("connections.reads_only", { what: may }) : may}</dd>
      <dt>{t("connections.ips")}</dt>
      <dd className={everywhere ? "caution" : ""}>{everywhere ? t("connections.ips_everywhere") : facts.ips.join(", ")}</dd>
      <dt>{t("connections.expires")}</dt>
      <dd>{facts.expires_ms === null ? t("connections.never") : exactTime(facts.expires_ms).slice(0, 10)}</dd>
    </>
  );
}
