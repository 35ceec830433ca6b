/** Settings → Notifications: channels, what goes where, quiet hours, the daily message. */
import { queryOptions, useQuery } from "@tanstack/react-query";
import { readNotificationSettings } from "../api/notifications";
import { useWords } from "../i18n/useWords";
import { SettingsPage } from "../settings/parts";
import { Failure } from "../ui/Failure";
import { Waiting } from "../ui/Waiting";
import { Channels } from "./Channels";
import { Rules } from "./Rules";

export const newsSettingsQuery = queryOptions({ queryKey: ["news-settings"], queryFn: readNotificationSettings, staleTime: 2_000 });

export function NotificationSettingsPage() {
  const { t } = useWords();
  const found = useQuery(newsSettingsQuery);
  return (
    <SettingsPage title={t("news.settings")}>
      <p className="muted">{t("news.settings_text")}</p>
      {found.isError && found.data === undefined && <Failure what={t("news.settings")} error={found.error} onRetry={() => void found.refetch()} />}
      {found.data === undefined && !found.isError && <Waiting rows={3} onRetry={() => void found.refetch()} />}
      {found.data !== undefined && (
        <>
          <Channels settings={found.data} />
          {/* Begun anew when they were changed elsewhere: what is typed belongs to the version that was read. */}
          <Rules key={`${found.data.version}:${found.data.channels.map((each) => each.id).join()}`} settings={found.data} />
        </>
      )}
    </SettingsPage>
  );
}
