/**
 * The session has ended while its page is shown: the page stays as it is, and one logs in again on top of it.
 *
 * Nothing that was refused meanwhile is sent by itself afterwards. Not here: what goes on after it (`app/session`).
 */
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useRouterState } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import { readSession } from "../api/calls";
import { signedOut, stream } from "../app/services";
import { forgetPerson, sessionQuery, signedInAgain } from "../app/session";
import { useWords } from "../i18n/useWords";
import { useSignal } from "../stream/hooks";
import { Dialog } from "../ui/Dialog";
import { LoginForm } from "./LoginForm";

export function LogInAgain() {
  return useSignal(signedOut) ? <Question /> : null;
}

function Question() {
  const { t } = useWords();
  const navigate = useNavigate();
  const here = useRouterState({ select: (state) => state.location.href });
  const name = useQuery(sessionQuery).data?.user?.username ?? "";
  useEffect(() => stream.connection.signOut(), []);
  useLogInElsewhere();
  // To the page of its own: what is typed anywhere but in the ticket is lost there.
  const leave = (): void => {
    stream.connection.stop();
    void navigate({ to: "/login", search: { next: here, reason: "expired" }, replace: true }).then(forgetPerson);
  };
  return (
    <Dialog title={t("auth.again_title")} testId="log-in-again" stays onClose={leave}>
      {() => (
        <LoginForm
          name={name}
          onIn={signedInAgain}
          frame={(step, content) => (
            <div className="stack wide">
              {step === "first" && <p>{t("auth.again_text")}</p>}
              {content}
            </div>
          )}
          foot={
            <button type="button" className="button quiet" data-testid="again-leave" onClick={leave}>
              {t("auth.again_leave")}
            </button>
          }
        />
      )}
    </Dialog>
  );
}

/** Another tab of this browser may have logged in meanwhile: coming back to this one, nobody is asked twice. */
function useLogInElsewhere(): void {
  const asking = useRef(false);
  useEffect(() => {
    const look = (): void => {
      if (document.hidden || asking.current) return;
      asking.current = true;
      void readSession()
        .then((now) => (now.user === null ? undefined : signedInAgain(now)))
        .catch(() => undefined) // no answer: the form says so, when it is used
        .finally(() => {
          asking.current = false;
        });
    };
    document.addEventListener("visibilitychange", look);
    window.addEventListener("focus", look);
    return () => {
      document.removeEventListener("visibilitychange", look);
      window.removeEventListener("focus", look);
    };
  }, []);
}
