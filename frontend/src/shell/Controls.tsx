/** Language, theme and the person's menu. */
import { useMutation } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useWords } from "../i18n/useWords";
import { useSignal } from "../stream/hooks";
import { Icon, type IconName } from "../ui/Icon";
import { Popover } from "../ui/Popover";
import { Segments } from "../ui/Segments";
import { choose, preferences, type Palette, type Theme } from "./preferences";

export function LanguageSwitch() {
  const { t } = useWords();
  const { language } = useSignal(preferences);
  return (
    <Segments
      label={t("shell.language")}
      className="language"
      value={language}
      options={[
        { value: "en", label: "EN", title: "English" },
        { value: "ru", label: "RU", title: "Русский" },
      ]}
      onChange={(value) => choose({ language: value })}
    />
  );
}

const THEMES: readonly { value: Theme; icon: IconName }[] = [
  { value: "system", icon: "screen" },
  { value: "dark", icon: "moon" },
  { value: "light", icon: "sun" },
];
const PALETTES: readonly Palette[] = ["safe", "classic", "inverted"];

export function ThemeSwitch() {
  const { t } = useWords();
  const { theme, palette } = useSignal(preferences);
  const icon = THEMES.find((each) => each.value === theme)?.icon ?? "screen";
  return (
    <Popover
      label={`${t("auth.theme")}: ${t(`auth.theme_${theme}`)}`}
      triggerClass="icon-button"
      trigger={<Icon name={icon} size={16} />}
    >
      {() => (
        <div className="stack">
          {/* On a phone the header has no room for the switch. */}
          <div className="narrow-only stack">
            <h2>{t("shell.language")}</h2>
            <LanguageSwitch />
          </div>
          <h2>{t("auth.theme")}</h2>
          <Segments
            label={t("auth.theme")}
            value={theme}
            options={THEMES.map(({ value }) => ({ value, label: t(`auth.theme_${value}`) }))}
            onChange={(value) => choose({ theme: value })}
          />
          <h2>{t("shell.palette")}</h2>
          <div role="radiogroup" aria-label={t("shell.palette")} className="stack tight">
            {PALETTES.map((each) => (
              <label key={each} className="tick">
                <input type="radio" name="palette" checked={palette === each} onChange={() => choose({ palette: each })} />
                {t(`shell.palette_${each}`)}
              </label>
            ))}
          </div>
        </div>
      )}
    </Popover>
  );
}

/** The screens of the header, in its order. */
export const SCREENS = [
  { to: "/", name: "terminal" },
  { to: "/bots", name: "bots" },
  { to: "/backtests", name: "backtests" },
  { to: "/alerts", name: "alerts" },
  { to: "/settings/accounts", name: "accounts" },
] as const;

export function UserMenu({ username, version, onLogOut }: { username: string; version: string; onLogOut: () => Promise<void> }) {
  const { t } = useWords();
  const leaving = useMutation({ mutationFn: onLogOut });
  return (
    <Popover
      label={t("shell.user_menu", { name: username })}
      triggerClass="icon-button user"
      testId="user-menu"
      trigger={
        <>
          <Icon name="person" size={16} />
          <Icon name="chevron" size={12} />
        </>
      }
    >
      {(close) => (
        <div className="stack">
          <p>{t("shell.signed_in_as", { name: username })}</p>
          {/* On a phone the header has no room for the screens. */}
          <nav className="narrow-only stack" aria-label={t("shell.nav")}>
            {SCREENS.map(({ to, name }) => (
              <Link key={to} to={to} className="button" data-testid={`menu-${name}`} onClick={close}>
                {t(`shell.${name}`)}
              </Link>
            ))}
            <Link to="/notifications" className="button" data-testid="menu-notifications" onClick={close}>
              {t("news.centre")}
            </Link>
            <Link to="/settings/workspaces" className="button" data-testid="menu-workspaces" onClick={close}>
              {t("people.section_workspaces")}
            </Link>
          </nav>
          <Link to="/settings/profile" className="button" data-testid="to-settings" onClick={close}>
            {t("people.settings")}
          </Link>
          <p className="hint">{t("shell.version", { version })}</p>
          <Link to="/settings/security" data-testid="to-security" onClick={close}>
            {t("security.title")}
          </Link>
          <button
            type="button"
            className="button"
            data-testid="log-out"
            disabled={leaving.isPending}
            onClick={() => leaving.mutate()}
          >
            {t("shell.log_out")}
          </button>
          {leaving.isError && <p className="fault">{t("auth.server_failed")}</p>}
        </div>
      )}
    </Popover>
  );
}
