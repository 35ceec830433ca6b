/** A new password by a one-time link, which whoever runs the machine makes for who has forgotten theirs. */
import { useMutation } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect, useState, type FormEvent } from "react";
import { setPasswordByLink } from "../api/people";
import { useWords } from "../i18n/useWords";
import { failureText } from "../i18n/words";
import { AuthFrame } from "./AuthFrame";
import { PasswordField } from "./PasswordField";
import { strengthOf } from "./strength";
import { takeToken } from "./token";

export function ResetPage() {
  const { t, language } = useWords();
  const [token] = useState(takeToken);
  const [password, setPassword] = useState("");
  const [tried, setTried] = useState(false);
  const strength = strengthOf(password);
  const setting = useMutation({ mutationFn: () => setPasswordByLink(token ?? "", password) });
  useEffect(() => {
    document.title = `${t("people.reset_title")} · ${t("common.product")}`;
  }, [t]);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setTried(true);
    if (strength.missing > 0 || setting.isPending) return;
    setting.mutate();
  };
  return (
    <AuthFrame title={t("people.reset_title")}>
      {token === null && <p>{t("people.reset_no_link")}</p>}
      {token !== null && !setting.isSuccess && (
        <form className="stack wide" noValidate onSubmit={submit}>
          <PasswordField
            label={t("people.password_new")}
            value={password}
            onChange={setPassword}
            autoComplete="new-password"
            testId="reset-password"
            fault={tried && strength.missing > 0 ? t("auth.password_short", { count: strength.missing }) : setting.error === null ? null : failureText(t, setting.error, language).text}
          />
          <p className="hint">{t("people.reset_text")}</p>
          <button type="submit" className="button primary tall" data-testid="reset-submit" disabled={setting.isPending}>
            {t("people.password_change")}
          </button>
        </form>
      )}
      {setting.isSuccess && (
        <p role="status" data-testid="reset-done">
          {t("people.reset_done")}
        </p>
      )}
      <Link to="/login" className="hint">
        {t("auth.to_login")}
      </Link>
    </AuthFrame>
  );
}
