/** What surrounds every section of the settings: the links to all of them. */
import { useQuery } from "@tanstack/react-query";
import { Link, Outlet } from "@tanstack/react-router";
import { sessionQuery } from "../app/session";
import { useWords } from "../i18n/useWords";
import { SECTIONS } from "./sections";

export function SettingsLayout() {
  const { t } = useWords();
  const session = useQuery(sessionQuery);
  const shown = SECTIONS.filter(({ isFor }) => isFor === undefined || (session.data !== undefined && isFor(session.data)));
  return (
    <div className="settings-area">
      <nav className="settings-nav" aria-label={t("people.settings")}>
        {shown.map(({ to, name }) => (
          <Link key={to} to={to} className="nav-link" activeProps={{ className: "active", "aria-current": "page" }} activeOptions={{ exact: true }} data-testid={`section-${name}`}>
            {t(`people.section_${name}`)}
          </Link>
        ))}
      </nav>
      <Outlet />
    </div>
  );
}
