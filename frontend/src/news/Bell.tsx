/** The bell: how many notifications are unread, on every screen. What is new while the page is open is told as well. */
import { Link } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import type { Notification, NotificationStanding } from "../api/notifications";
import { notices, queries } from "../app/services";
import { useWords } from "../i18n/useWords";
import { useNews } from "../stream/hooks";
import { newsPlace, newsText, newsTitle } from "./words";

/** These are told by the order news and the banners of the account on the screen already. */
const TOLD_ELSEWHERE: ReadonlySet<Notification["kind"]> = new Set(["fill", "order_failed", "limit_hit", "link_lost", "link_restored", "drift"]);
const SHOWN_MAX = 99;

export function Bell() {
  const { t } = useWords();
  const news = useNews();
  useTelling(news);
  const unread = news?.unread ?? 0;
  return (
    <Link to="/notifications" className="icon-button bell" aria-label={t("news.bell", { count: unread })} data-testid="bell" data-unread={unread}>
      <svg aria-hidden="true" viewBox="0 0 16 16" width="16" height="16" fill="none" stroke="currentColor" strokeWidth="1.4" strokeLinejoin="round">
        <path d="M3 12h10l-1.2-2V7a3.8 3.8 0 0 0-7.6 0v3L3 12Zm3.6 1.4a1.5 1.5 0 0 0 2.8 0" />
      </svg>
      {unread > 0 && <span className="bell-count">{unread > SHOWN_MAX ? `${SHOWN_MAX}+` : unread}</span>}
    </Link>
  );
}

/** What was there when the page was opened is in the list; what comes then is told once. */
function useTelling(news: NotificationStanding | null): void {
  const { t, language } = useWords();
  const known = useRef<ReadonlyMap<string, number> | null>(null);
  useEffect(() => {
    if (news === null) return;
    const before = known.current;
    known.current = new Map(news.newest.map((each) => [each.id, each.merged]));
    void queries.invalidateQueries({ queryKey: ["notifications"] });
    if (before === null) return;
    for (const told of news.newest) {
      const isNews = told.read_ms === null && (before.get(told.id) ?? 0) < told.merged;
      if (!isNews || TOLD_ELSEWHERE.has(told.kind)) continue;
      if (told.kind === "price_alert") void queries.invalidateQueries({ queryKey: ["alerts"] });
      const title = newsTitle(t, told, language);
      notices.show({ id: told.id, tone: told.severity === "info" ? "info" : "bad", title, text: [newsText(t, told, language), newsPlace(told)].filter(Boolean).join(" "), lastsMs: told.severity === "info" ? 6_000 : null });
      notices.speak(title, told.severity === "info" ? "polite" : "assertive");
    }
  }, [news, t, language]);
}
