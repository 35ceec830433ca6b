/** A person's own: name, language, password. */
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { Refused } from "../api/errors";
import { changePassword, setLanguage } from "../api/people";
import { queries } from "../app/services";
import { sessionQuery } from "../app/session";
import { PasswordField } from "../auth/PasswordField";
import { useStepUp } from "../auth/stepUp";
import { strengthOf } from "../auth/strength";
import { useWords } from "../i18n/useWords";
import { problemText } from "../i18n/words";
import { choose } from "../shell/preferences";
import { Segments } from "../ui/Segments";
import { Fault, SettingsPage } from "./parts";

export function ProfilePage() {
  const { t } = useWords();
  const session = useQuery(sessionQuery);
  const user = session.data?.user ?? null;
  const workspace = session.data?.workspace ?? null;
  const saving = useMutation({
    mutationFn: setLanguage,
    onSuccess: (state, language) => {
      queries.setQueryData(sessionQuery.queryKey, state);
      choose({ language });
    },
  });
  return (
    <SettingsPage title={t("people.section_profile")}>
      <section className="box connection-form" aria-label={t("people.section_profile")}>
        <dl className="facts">
          <dt>{t("auth.username")}</dt>
          <dd data-testid="profile-name">{user?.username}</dd>
          <dt>{t("people.workspace")}</dt>
          <dd>{workspace?.name}</dd>
          <dt>{t("people.role")}</dt>
          <dd data-testid="profile-role">{workspace === null ? "" : t(`people.role_${workspace.role}`)}</dd>
          {user?.is_operator === true && (
            <>
              <dt>{t("people.operator")}</dt>
              <dd>{t("people.operator_text")}</dd>
            </>
          )}
        </dl>
        <div className="field">
          <span className="label">{t("people.language")}</span>
          <Segments
            label={t("people.language")}
            value={user?.language ?? "en"}
            options={[
              { value: "en", label: "English" },
              { value: "ru", label: "Русский" },
            ]}
            onChange={(value) => saving.mutate(value)}
          />
          <span className="hint">{t("people.language_text")}</span>
        </div>
        <Fault error={saving.error} />
      </section>
      <Password />
    </SettingsPage>
  );
}

function Password() {
  const { t, language } = useWords();
  const withProof = useStepUp();
  const [old, setOld] = useState("");
  const [next, setNext] = useState("");
  const [tried, setTried] = useState(false);
  const strength = strengthOf(next);
  const changing = useMutation({
    mutationFn: () => withProof(() => changePassword(old, next)),
    onSuccess: () => {
      setOld("");
      setNext("");
    },
  });
  const problem = changing.error instanceof Refused ? (changing.error.problem.problems[0] ?? null) : null;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setTried(true);
    if (old === "" || strength.missing > 0 || changing.isPending) return;
    setTried(false);
    changing.mutate();
  };
  return (
    <form className="box connection-form" noValidate data-testid="password-form" onSubmit={submit}>
      <h2>{t("people.password")}</h2>
      <PasswordField label={t("people.password_old")} value={old} onChange={setOld} autoComplete="current-password" testId="password-old" fault={tried && old === "" ? t("auth.password_required") : null} />
      <PasswordField
        label={t("people.password_new")}
        value={next}
        onChange={setNext}
        autoComplete="new-password"
        testId="password-new"
        fault={tried && strength.missing > 0 ? t("auth.password_short", { count: strength.missing }) : problem === null ? null : problemText(t, problem.code, problem.params, language)}
      />
      <p className="hint">{t("people.password_text")}</p>
      {problem === null && <Fault error={changing.error} />}
      {changing.isSuccess && (
        <p role="status" data-testid="password-changed">
          {t("people.password_changed")}
        </p>
      )}
      <div className="row">
        <button type="submit" className="button" data-testid="password-submit" disabled={changing.isPending}>
          {t("people.password_change")}
        </button>
      </div>
    </form>
  );
}
