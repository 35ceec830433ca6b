/** The whole installation, for its operator: who uses it, and how much each workspace may. */
import { useMutation, useQuery } from "@tanstack/react-query";
import { endUserSessions, setQuota, setUserEnabled, type InstallationUser, type InstallationWorkspace } from "../api/people";
import { queries } from "../app/services";
import { RealTrading } from "../arming/RealTrading";
import { sessionQuery } from "../app/session";
import { useStepUp } from "../auth/stepUp";
import { useWords } from "../i18n/useWords";
import { Failure } from "../ui/Failure";
import { Waiting } from "../ui/Waiting";
import { Fault, moment, SettingsPage } from "./parts";
import { Quotas } from "./Quotas";
import { installationWorkspacesQuery, usersQuery } from "./queries";

export function InstallationPage() {
  const { t } = useWords();
  const session = useQuery(sessionQuery);
  if (session.data?.user?.is_operator === false) {
    return (
      <SettingsPage title={t("people.section_installation")}>
        <p>{t("problems.operator.required")}</p>
      </SettingsPage>
    );
  }
  return (
    <SettingsPage title={t("people.section_installation")}>
      <p className="muted">{t("people.installation_text")}</p>
      <RealTrading />
      <UserList />
      <WorkspaceList />
    </SettingsPage>
  );
}

function UserList() {
  const { t } = useWords();
  const users = useQuery(usersQuery);
  return (
    <section aria-labelledby="all-users-title">
      <h2 id="all-users-title">{t("people.all_users")}</h2>
      {users.isError && <Failure what={t("people.all_users")} error={users.error} onRetry={() => void users.refetch()} />}
      {users.isPending && <Waiting rows={2} onRetry={() => void users.refetch()} />}
      {users.data?.map((each) => (
        <UserCard key={each.id} user={each} />
      ))}
    </section>
  );
}

function UserCard({ user }: { user: InstallationUser }) {
  const { t, language } = useWords();
  const isDisabled = user.disabled_ms !== null;
  const again = () => queries.invalidateQueries({ queryKey: usersQuery.queryKey });
  const setting = useMutation({ mutationFn: () => setUserEnabled(user.id, isDisabled), onSettled: again });
  const ending = useMutation({ mutationFn: () => endUserSessions(user.id), onSettled: again });
  return (
    <article className="box connection" data-testid="user" data-name={user.username} data-disabled={isDisabled}>
      <header className="connection-head">
        <strong className="wrap">{user.username}</strong>
        {user.is_operator && <span className="muted">{t("people.operator")}</span>}
        {isDisabled && <span className="caution">{t("people.disabled")}</span>}
        <span className="spacer" />
        {!user.is_operator && (
          <>
            <button type="button" className="button small" data-testid="user-end" disabled={ending.isPending} aria-label={t("people.end_sessions_of", { name: user.username })} onClick={() => ending.mutate()}>
              {t("people.end_sessions")}
            </button>
            <button type="button" className="button small" data-testid="user-switch" disabled={setting.isPending} aria-label={t(isDisabled ? "people.enable_named" : "people.disable_named", { name: user.username })} onClick={() => setting.mutate()}>
              {t(isDisabled ? "people.enable" : "people.disable")}
            </button>
          </>
        )}
      </header>
      <p className="hint">
        {t("people.user_since", { since: moment(user.created_ms, language), count: user.workspaces })}
        {" · "}
        {user.last_seen_ms === null ? t("people.user_unseen") : t("people.user_seen", { when: moment(user.last_seen_ms, language) })}
      </p>
      <Fault error={setting.error ?? ending.error} />
    </article>
  );
}

function WorkspaceList() {
  const { t } = useWords();
  const found = useQuery(installationWorkspacesQuery);
  return (
    <section aria-labelledby="all-workspaces-title">
      <h2 id="all-workspaces-title">{t("people.all_workspaces")}</h2>
      <p className="muted">{t("people.all_workspaces_text")}</p>
      {found.isError && <Failure what={t("people.all_workspaces")} error={found.error} onRetry={() => void found.refetch()} />}
      {found.data?.map((each) => (
        <WorkspaceCard key={each.id} workspace={each} />
      ))}
    </section>
  );
}

function WorkspaceCard({ workspace }: { workspace: InstallationWorkspace }) {
  const { t } = useWords();
  const withProof = useStepUp();
  return (
    <details className="box connection" data-testid="all-workspace">
      <summary>
        <strong className="wrap">{workspace.name}</strong> <span className="muted">{t("people.members_count", { count: workspace.members })}</span>
      </summary>
      <Quotas
        quotas={workspace.quotas}
        onSet={async (quota) => {
          await withProof(() => setQuota(workspace.id, quota));
          await queries.invalidateQueries({ queryKey: installationWorkspacesQuery.queryKey });
        }}
      />
    </details>
  );
}
