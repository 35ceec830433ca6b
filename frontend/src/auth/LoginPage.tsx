/** The page to log in, and where it leads to. */
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect } from "react";
import type { Session } from "../api/types";
import { sessionQuery, signedIn } from "../app/session";
import { useWords } from "../i18n/useWords";
import { AuthFrame } from "./AuthFrame";
import { LoginForm } from "./LoginForm";

export function LoginPage() {
  const { t } = useWords();
  const { next, reason } = useSearch({ from: "/login" });
  const navigate = useNavigate();
  const onIn = async (session: Session): Promise<void> => {
    signedIn(session);
    await navigate({ href: next ?? "/", replace: true });
  };
  // Logged in by another tab, or come here by an old bookmark. After a log-out or an expiry the form stays.
  const session = useQuery({ ...sessionQuery, enabled: reason === undefined });
  const isIn = reason === undefined && session.data != null && session.data.user !== null;
  useEffect(() => {
    if (isIn) void navigate({ href: next ?? "/", replace: true });
  }, [isIn, navigate, next]);
  useEffect(() => {
    document.title = `${t("auth.login_title")} · ${t("common.product")}`;
  }, [t]);
  return (
    <LoginForm
      onIn={onIn}
      frame={(step, content) => (
        <AuthFrame title={t(step === "first" ? "auth.login_title" : "auth.second_title")}>
          {step === "first" && reason !== undefined && <p className="hint">{reason === "expired" ? t("auth.expired") : t("auth.logged_out")}</p>}
          {content}
        </AuthFrame>
      )}
      foot={
        <Link to="/welcome" className="hint">
          {t("auth.have_code")}
        </Link>
      }
    />
  );
}
