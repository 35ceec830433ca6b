/** The audit log: what was done, by whom and what came of it. The filters are in the address. */
import { useInfiniteQuery, useMutation, useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { exportAudit, readAudit, readAuditExports } from "../api/audit";
import { accountsQuery, sessionQuery } from "../app/session";
import { useStepUp } from "../auth/stepUp";
import { useWords } from "../i18n/useWords";
import { accountName, auditGroup, auditOutcome } from "../i18n/words";
import { Fault, moment, SettingsPage } from "../settings/parts";
import { save } from "../tables/saving";
import { Choice } from "../ui/Choice";
import { Failure } from "../ui/Failure";
import { Waiting } from "../ui/Waiting";
import { EntryRows } from "./EntryRows";
import { filterOf, type AuditSearch } from "./search";

const GROUPS = ["order", "account", "symbol", "kill", "limits", "difference", "connection", "backtest", "strategy", "bot", "run", "session", "factor", "user", "member", "invitation", "workspace", "token", "notify", "alert", "quota", "audit", "installation"] as const;
const OUTCOMES = ["asked", "acknowledged", "done", "refused", "rejected", "expired", "unknown", "not_placed", "failed"] as const;

export function AuditPage() {
  const { t, language } = useWords();
  const search = useSearch({ from: "/shell/settings/audit" });
  const navigate = useNavigate({ from: "/audit" });
  const filter = filterOf(search);
  const found = useInfiniteQuery({
    queryKey: ["audit", filter],
    queryFn: ({ pageParam }) => readAudit(filter, pageParam),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
  });
  const isOwner = useQuery(sessionQuery).data?.workspace?.role === "owner";
  const withProof = useStepUp();
  const saving = useMutation({ mutationFn: () => withProof(() => exportAudit(filter)), onSuccess: ({ file, name }) => save(file, name) });
  const narrow = (change: AuditSearch): void => void navigate({ search: { ...search, ...change }, replace: true });
  const entries = found.data?.pages.flatMap((page) => page.entries) ?? [];
  const first = found.data?.pages[0];
  return (
    <SettingsPage
      title={t("audit.title")}
      actions={
        <button type="button" className="button" data-testid="audit-export" disabled={saving.isPending || entries.length === 0} onClick={() => saving.mutate()}>
          {t("audit.export")}
        </button>
      }
    >
      <p className="muted">{t(first?.whole === false ? "audit.intro_own" : "audit.intro")}</p>
      {isOwner && <Exports />}
      <Filters search={search} people={first?.people ?? []} narrow={narrow} />
      <Fault error={saving.error} />
      {found.isError && found.data === undefined && <Failure what={t("audit.title")} error={found.error} onRetry={() => void found.refetch()} />}
      {found.isPending && <Waiting rows={4} onRetry={() => void found.refetch()} />}
      {first !== undefined && entries.length === 0 && (
        <p className="muted" data-testid="audit-empty">
          {t("audit.empty")}
        </p>
      )}
      {entries.length > 0 && (
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls, and a keyboard must reach it for that
        <div className="wide" role="region" aria-label={t("audit.title")} tabIndex={0}>
          <table className="trades audit">
            <thead>
              <tr>
                <th scope="col">{t("audit.time")}</th>
                <th scope="col">{t("audit.who")}</th>
                <th scope="col">{t("audit.action")}</th>
                <th scope="col">{t("audit.account")}</th>
                <th scope="col">{t("audit.result")}</th>
                <th scope="col">
                  <span className="visually-hidden">{t("audit.details")}</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {entries.map((each) => (
                <EntryRows key={each.id} entry={each} language={language} onNarrow={narrow} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {found.hasNextPage && (
        <button type="button" className="button" data-testid="audit-more" disabled={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
          {t("audit.more")}
        </button>
      )}
    </SettingsPage>
  );
}

function Filters({ search, people, narrow }: { search: AuditSearch; people: readonly { id: string; name: string }[]; narrow: (change: AuditSearch) => void }) {
  const { t } = useWords();
  const accounts = useQuery(accountsQuery).data ?? [];
  const all = { value: "", label: t("audit.all") };
  const who = [all, ...people.map(({ id, name }) => ({ value: id, label: name })), ...(["system", "exchange"] as const).map((value) => ({ value, label: t(`audit.actor.${value}`) }))];
  const what = [all, ...GROUPS.map((value) => ({ value: value as string, label: auditGroup(t, value) }))];
  if (search.what !== undefined && !what.some(({ value }) => value === search.what)) what.push({ value: search.what, label: search.what });
  const results = [all, ...OUTCOMES.map((value) => ({ value: value as string, label: auditOutcome(t, value) }))];
  const isNarrow = Object.values(search).some((value) => value !== undefined);
  return (
    <form className="audit-filters" role="search" aria-label={t("audit.filters")} onSubmit={(event) => event.preventDefault()}>
      <label>
        <span>{t("audit.from")}</span>
        <input type="date" className="input" data-testid="audit-from" value={search.from ?? ""} onChange={(event) => narrow({ from: event.target.value || undefined })} />
      </label>
      <label>
        <span>{t("audit.to")}</span>
        <input type="date" className="input" data-testid="audit-to" value={search.to ?? ""} onChange={(event) => narrow({ to: event.target.value || undefined })} />
      </label>
      <div>
        <span aria-hidden="true">{t("audit.who")}</span>
        <Choice label={t("audit.who")} value={search.who ?? ""} options={who} testId="audit-who" onChange={(value) => narrow({ who: value || undefined })} />
      </div>
      <div>
        <span aria-hidden="true">{t("audit.action")}</span>
        <Choice label={t("audit.action")} value={search.what ?? ""} options={what} testId="audit-what" onChange={(value) => narrow({ what: value || undefined })} />
      </div>
      <div>
        <span aria-hidden="true">{t("audit.account")}</span>
        <Choice
          label={t("audit.account")}
          value={search.account ?? ""}
          options={[all, ...accounts.map((each) => ({ value: each.id as string, label: accountName(t, each) }))]}
          testId="audit-account"
          onChange={(value) => narrow({ account: value || undefined })}
        />
      </div>
      <div>
        <span aria-hidden="true">{t("audit.result")}</span>
        <Choice label={t("audit.result")} value={search.result ?? ""} options={results} testId="audit-result" onChange={(value) => narrow({ result: value || undefined })} />
      </div>
      {search.id !== undefined && (
        <p className="hint">
          {t("audit.only_about")} <span className="code">{search.id}</span>
        </p>
      )}
      {isNarrow && (
        <button
          type="button"
          className="button small"
          data-testid="audit-clear"
          onClick={() => narrow({ from: undefined, to: undefined, who: undefined, what: undefined, account: undefined, result: undefined, kind: undefined, id: undefined })}
        >
          {t("audit.clear")}
        </button>
      )}
    </form>
  );
}

/** Whether the heads of the chains are out of the database's reach: without them a trail rewritten whole is not found. */
function Exports() {
  const { t, language } = useWords();
  const found = useQuery({ queryKey: ["audit-exports"], queryFn: readAuditExports, refetchInterval: 60_000 });
  if (found.data === undefined) return null;
  return (
    <div className="audit-exports">
      {found.data.length === 0 && <p className="hint">{t("audit.exports_none")}</p>}
      {found.data.map((each) => (
        <p key={each.target} className={each.failed_ms === null ? "hint" : "caution"} data-testid={`audit-export-${each.target}`}>
          {each.failed_ms === null
            ? t(`audit.exported_${each.target}`, { when: each.ok_ms === null ? "—" : moment(each.ok_ms, language) })
            : t(`audit.export_failed_${each.target}`, { when: moment(each.failed_ms, language), fault: each.fault ?? "" })}
        </p>
      ))}
    </div>
  );
}
