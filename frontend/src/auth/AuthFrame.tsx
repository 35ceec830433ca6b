/** The frame of the pages before signing in: mark, language, theme, one card. */
import type { ReactNode } from "react";
import { useWords } from "../i18n/useWords";
import { LanguageSwitch, ThemeSwitch } from "../shell/Controls";

export function AuthFrame({ title, children }: { title: string; children: ReactNode }) {
  const { t } = useWords();
  const plain = location.protocol === "http:" && !["localhost", "127.0.0.1", "[::1]"].includes(location.hostname);
  return (
    <div className="auth">
      <header className="auth-head">
        <Mark />
        <span className="spacer" />
        <LanguageSwitch />
        <ThemeSwitch />
      </header>
      <main className="auth-main">
        <div className="auth-card">
          <h1>{title}</h1>
          {children}
        </div>
        <p className="hint auth-foot">{t("auth.tagline")}</p>
        {plain && <p className="caution auth-foot">{t("auth.plain_http")}</p>}
      </main>
    </div>
  );
}

export function Mark() {
  const { t } = useWords();
  return (
    <span className="mark">
      <img src="/icon.svg" alt="" width={22} height={22} />
      <strong>{t("common.product")}</strong>
    </span>
  );
}
