/** One entry: a row, and below it, when it is opened, before → after and from where. */
import { useState } from "react";
import type { AuditEntry } from "../api/audit";
import type { Language } from "../format/number";
import { exactTime, utcDateTime } from "../format/time";
import { useWords } from "../i18n/useWords";
import { accountName, auditAction, auditObject, auditOutcome } from "../i18n/words";
import { EnvironmentBadge } from "../shell/Environment";
import { changesOf } from "./changes";
import { Story } from "./Story";
import type { AuditSearch } from "./search";

type Props = { readonly entry: AuditEntry; readonly language: Language; readonly onNarrow: (change: AuditSearch) => void };

export function EntryRows({ entry, onNarrow }: Props) {
  const { t } = useWords();
  const [isOpen, setOpen] = useState(false);
  const { account_name: name, environment } = entry;
  return (
    <>
      <tr data-testid="audit-entry" data-action={entry.action}>
        <td>
          <time dateTime={exactTime(entry.at_ms)} title={exactTime(entry.at_ms)}>
            {utcDateTime(entry.at_ms)}
          </time>
        </td>
        <td className="wrap">{who(entry, t)}</td>
        <td className="wrap">{auditAction(t, entry.action)}</td>
        <td className="wrap">
          {environment !== null && <EnvironmentBadge environment={environment} />} {name !== null && environment !== null ? accountName(t, { name, environment }) : ""}
        </td>
        <td>{auditOutcome(t, entry.outcome)}</td>
        <td>
          <button
            type="button"
            className="button small"
            data-testid="audit-open"
            aria-expanded={isOpen}
            aria-label={t(isOpen ? "audit.close_named" : "audit.open_named", { action: auditAction(t, entry.action), time: utcDateTime(entry.at_ms) })}
            onClick={() => setOpen(!isOpen)}
          >
            {t(isOpen ? "audit.close" : "audit.open")}
          </button>
        </td>
      </tr>
      {isOpen && (
        <tr>
          <td colSpan={6}>
            <Detail entry={entry} onNarrow={onNarrow} />
          </td>
        </tr>
      )}
    </>
  );
}

function who(entry: AuditEntry, t: ReturnType<typeof useWords>["t"]): string {
  const { kind, name, id } = entry.actor;
  return kind === "user" ? (name ?? id ?? "") : t(`audit.actor.${kind}`);
}

function Detail({ entry, onNarrow }: { entry: AuditEntry; onNarrow: (change: AuditSearch) => void }) {
  const { t } = useWords();
  const [isTold, setTold] = useState(false);
  const changes = changesOf(entry.before, entry.after);
  const isOrder = entry.object_kind === "order" && entry.account_id !== null;
  return (
    <div className="stack audit-detail" data-testid="audit-detail">
      <dl className="facts">
        <dt>{t("audit.object")}</dt>
        <dd>
          {auditObject(t, entry.object_kind)} <span className="code">{entry.object_id}</span>
        </dd>
        <dt>{t("audit.code")}</dt>
        <dd className="code">
          {entry.action} · {entry.outcome}
        </dd>
        <dt>{t("audit.ip")}</dt>
        <dd className="code">{entry.ip ?? "—"}</dd>
        {entry.actor.token_id !== null && (
          <>
            <dt>{t("audit.token")}</dt>
            <dd className="code">{entry.actor.token_id}</dd>
          </>
        )}
        <dt>{t("audit.entry")}</dt>
        <dd className="code">{entry.id}</dd>
      </dl>
      {changes.length > 0 && (
        <table className="trades audit-changes">
          <thead>
            <tr>
              <th scope="col">{t("audit.field")}</th>
              <th scope="col">{t("audit.before")}</th>
              <th scope="col">{t("audit.after")}</th>
            </tr>
          </thead>
          <tbody>
            {changes.map((each) => (
              <tr key={each.name}>
                <th scope="row" className="code">
                  {each.name}
                </th>
                <td className="wrap">{each.before ?? "—"}</td>
                <td className="wrap">{each.after ?? "—"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <div className="row">
        <button type="button" className="button small" data-testid="audit-same" onClick={() => onNarrow({ kind: entry.object_kind, id: entry.object_id })}>
          {t("audit.same_object")}
        </button>
        {isOrder && (
          <button type="button" className="button small" data-testid="audit-story" aria-expanded={isTold} onClick={() => setTold(!isTold)}>
            {t("audit.story")}
          </button>
        )}
      </div>
      {isTold && entry.account_id !== null && <Story accountId={entry.account_id} orderId={entry.object_id} />}
    </div>
  );
}
