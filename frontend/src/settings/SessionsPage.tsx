/** Where a person is signed in, and ending that there. */
import { useMutation, useQuery } from "@tanstack/react-query";
import { endOtherSessions, endSession, type OwnSession } from "../api/people";
import { queries } from "../app/services";
import { age } from "../format/time";
import { useWords } from "../i18n/useWords";
import { useNow } from "../stream/hooks";
import { Failure } from "../ui/Failure";
import { Waiting } from "../ui/Waiting";
import { deviceOf } from "./device";
import { Fault, moment, SettingsPage } from "./parts";
import { sessionsQuery } from "./queries";

export function SessionsPage() {
  const { t, language } = useWords();
  const found = useQuery(sessionsQuery);
  const again = () => queries.invalidateQueries({ queryKey: sessionsQuery.queryKey });
  const others = useMutation({ mutationFn: endOtherSessions, onSettled: again });
  const ending = useMutation({ mutationFn: endSession, onSettled: again });
  const list = found.data?.sessions ?? [];
  return (
    <SettingsPage
      title={t("people.section_sessions")}
      actions={
        <button type="button" className="button" data-testid="end-others" disabled={list.length < 2 || others.isPending} onClick={() => others.mutate()}>
          {t("people.end_others")}
        </button>
      }
    >
      {found.data !== undefined && <p className="muted">{t("people.sessions_text", { idle: age(found.data.idle_s * 1000, language), days: Math.round(found.data.lifetime_s / 86_400) })}</p>}
      {found.isError && <Failure what={t("people.section_sessions")} error={found.error} onRetry={() => void found.refetch()} />}
      {found.isPending && <Waiting rows={2} onRetry={() => void found.refetch()} />}
      <Fault error={others.error ?? ending.error} />
      <div>
        {list.map((each) => (
          <Card key={each.id} session={each} isPending={ending.isPending} onEnd={() => ending.mutate(each.id)} />
        ))}
      </div>
    </SettingsPage>
  );
}

function Card({ session, isPending, onEnd }: { session: OwnSession; isPending: boolean; onEnd: () => void }) {
  const { t, language } = useWords();
  const now = useNow();
  const device = deviceOf(session.user_agent);
  const name = device === null ? t("people.device_unknown") : `${device.browser} · ${device.system}`;
  return (
    <article className="box connection" data-testid="own-session" data-current={session.current}>
      <header className="connection-head">
        <strong className="wrap" title={session.user_agent}>
          {name}
        </strong>
        <span className="code">{session.address ?? "—"}</span>
        <span className="spacer" />
        {session.current ? (
          <span className="muted">{t("people.session_current")}</span>
        ) : (
          <button type="button" className="button small" data-testid="session-end" disabled={isPending} aria-label={t("people.session_end_named", { name })} onClick={onEnd}>
            {t("people.session_end")}
          </button>
        )}
      </header>
      <p className="hint">{t("people.session_times", { since: moment(session.created_ms, language), ago: age(now - session.last_seen_ms, language) })}</p>
    </article>
  );
}
