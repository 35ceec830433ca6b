/**
 * Which workspace everything on the screen is about, where a person is in more than one.
 *
 * Going to another loads the page anew: nothing that was read in one, or typed for it, is there in the other.
 */
import { useMutation, useQuery, type UseMutationResult } from "@tanstack/react-query";
import { chooseWorkspace } from "../api/people";
import type { Session } from "../api/types";
import { stream } from "../app/services";
import { sessionQuery } from "../app/session";
import { useWords } from "../i18n/useWords";
import { failureText } from "../i18n/words";
import { workspacesQuery } from "../settings/queries";
import { forgetDrafts } from "../ticket/draft";
import { Icon } from "../ui/Icon";
import { Popover } from "../ui/Popover";

/** Makes the session about another workspace and loads the page of it. */
export function useGoTo(): UseMutationResult<Session, Error, string> {
  return useMutation({
    mutationFn: chooseWorkspace,
    onSuccess: () => {
      stream.connection.stop();
      forgetDrafts();
      location.assign("/");
    },
  });
}

export function WorkspaceSwitcher() {
  const { t, language } = useWords();
  const session = useQuery(sessionQuery);
  const workspaces = useQuery(workspacesQuery);
  const going = useGoTo();
  const here = session.data?.workspace ?? null;
  if (here === null || workspaces.data === undefined || workspaces.data.length < 2) return null;
  return (
    <Popover
      label={t("people.workspace_switch", { name: here.name })}
      triggerClass="account workspace-switcher"
      side="left"
      testId="workspace-switcher"
      trigger={
        <>
          <span className="account-name">{here.name}</span>
          <Icon name="chevron" size={12} />
        </>
      }
    >
      {() => (
        <div className="stack">
          <h2>{t("people.section_workspaces")}</h2>
          {workspaces.data.map((each) => (
            <button
              key={each.id}
              type="button"
              className={`account-option ${each.id === here.id ? "active" : ""}`}
              aria-current={each.id === here.id ? "true" : undefined}
              data-testid="workspace-option"
              disabled={going.isPending || each.id === here.id}
              onClick={() => going.mutate(each.id)}
            >
              <span className="account-name">{each.name}</span>
              <span className="muted">{t(`people.role_${each.role}`)}</span>
            </button>
          ))}
          {going.isError && (
            <p className="fault" role="alert">
              {failureText(t, going.error, language).text}
            </p>
          )}
        </div>
      )}
    </Popover>
  );
}
