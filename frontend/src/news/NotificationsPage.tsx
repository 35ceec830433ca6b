/** The notification centre: everything that was told, newest first; what is unread stands out and leads to its object. */
import { useInfiniteQuery, useMutation } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { readAllNotifications, readNotification, readNotifications, type Notification } from "../api/notifications";
import { queries } from "../app/services";
import { exactTime } from "../format/time";
import { useWords } from "../i18n/useWords";
import { Fault, moment, SettingsPage } from "../settings/parts";
import { Failure } from "../ui/Failure";
import { Waiting } from "../ui/Waiting";
import { leadOf } from "./leads";
import { newsPlace, newsText, newsTitle } from "./words";

const again = (): Promise<void> => queries.invalidateQueries({ queryKey: ["notifications"] });

export function NotificationsPage() {
  const { t } = useWords();
  const [unread, setUnread] = useState(false);
  const found = useInfiniteQuery({
    queryKey: ["notifications", unread],
    queryFn: ({ pageParam }) => readNotifications({ unread, ...(pageParam === null ? {} : { before: pageParam }) }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
    staleTime: 2_000,
  });
  const rows = found.data?.pages.flatMap((page) => page.notifications) ?? [];
  const newest = rows[0];
  const reading = useMutation({ mutationFn: (untilMs: number) => readAllNotifications(untilMs), onSuccess: again });
  const actions = (
    <button type="button" className="button" data-testid="news-read-all" disabled={newest === undefined || reading.isPending} onClick={() => newest !== undefined && reading.mutate(newest.at_ms)}>
      {t("news.read_all")}
    </button>
  );
  return (
    <SettingsPage title={t("news.centre")} actions={actions}>
      <p className="muted">
        {t("news.intro")} <Link to="/settings/notifications">{t("news.settings_link")}</Link>
      </p>
      <label className="check">
        <input type="checkbox" checked={unread} data-testid="news-unread" onChange={(event) => setUnread(event.target.checked)} />
        <span>{t("news.only_unread")}</span>
      </label>
      <Fault error={reading.error} />
      {found.isError && <Failure what={t("news.centre")} error={found.error} onRetry={() => void found.refetch()} />}
      {found.data === undefined && !found.isError && <Waiting rows={3} onRetry={() => void found.refetch()} />}
      {found.data !== undefined && rows.length === 0 && (
        <p className="muted" data-testid="news-empty">
          {t(unread ? "news.all_read" : "news.empty")}
        </p>
      )}
      <ul className="news">
        {rows.map((each) => (
          <Row key={each.id} told={each} />
        ))}
      </ul>
      {found.hasNextPage && (
        <button type="button" className="button" data-testid="news-more" disabled={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
          {t("news.older")}
        </button>
      )}
    </SettingsPage>
  );
}

function Row({ told }: { told: Notification }) {
  const { t, language } = useWords();
  const reading = useMutation({ mutationFn: () => readNotification(told.id), onSuccess: again });
  const read = (): void => {
    if (told.read_ms === null) reading.mutate();
  };
  const lead = leadOf(told);
  const title = newsTitle(t, told, language);
  const shown = <strong className="wrap">{title}</strong>;
  return (
    <li className="box news-row" data-testid="news-row" data-kind={told.kind} data-severity={told.severity} data-read={told.read_ms !== null}>
      <header className="connection-head">
        <span className={`news-severity ${told.severity}`}>{t(`news.severity.${told.severity}`)}</span>
        {lead === null ? shown : "symbol" in lead ? (
          <Link to={lead.to} params={{ account: lead.account, category: lead.category, symbol: lead.symbol }} onClick={read}>{shown}</Link>
        ) : "run" in lead ? (
          <Link to={lead.to} params={{ bot: lead.bot, run: lead.run }} onClick={read}>{shown}</Link>
        ) : "account" in lead ? (
          <Link to={lead.to} params={{ account: lead.account }} onClick={read}>{shown}</Link>
        ) : (
          <Link to={lead.to} onClick={read}>{shown}</Link>
        )}
        <span className="spacer" />
        {told.read_ms === null && (
          <button type="button" className="button small" aria-label={t("news.read_named", { name: title })} data-testid="news-read" disabled={reading.isPending} onClick={read}>
            {t("news.read")}
          </button>
        )}
      </header>
      <p className="wrap">{newsText(t, told, language)}</p>
      <p className="hint">
        <time dateTime={exactTime(told.at_ms)}>{moment(told.at_ms, language)}</time> {newsPlace(told)}
      </p>
      <Fault error={reading.error} />
    </li>
  );
}
