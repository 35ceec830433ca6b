/** What must not be overlooked, above the screen: at most two at once, the rest behind a button. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import type { Account, Order } from "../api/types";
import { notices, stream } from "../app/services";
import { sessionQuery } from "../app/session";
import { localTime } from "../format/time";
import { useWords } from "../i18n/useWords";
import { faultText } from "../i18n/words";
import type { AccountState } from "../stream/account";
import { useExchange, useLink, useNow } from "../stream/hooks";
import { Icon } from "../ui/Icon";

const AFTER_MS = 5_000;
const UNKNOWN_MS = 60_000;
const VISIBLE = 2;

type Banner = { readonly id: string; readonly tone: "danger" | "warning"; readonly text: string; readonly retry: boolean; readonly leads?: { readonly to: "/settings/accounts" | "/settings/accounts/$account" | "/settings/accounts/$account/differences"; readonly account: string; readonly label: string } };

function useBanners(account: Account | null, orders: readonly Order[]): Banner[] {
  const { t, language } = useWords();
  const link = useLink();
  const exchange = useExchange(account?.environment ?? null);
  const now = useNow();
  const ownerlessSinceMs = useSince(link.state === "live" && account?.session.reason?.code === "session.no_worker");
  const session = useQuery(sessionQuery);
  const banners: Banner[] = [];
  if (session.data?.insecure === true) banners.push({ id: "insecure", tone: "warning", text: t("notices.insecure"), retry: false });
  if (link.state === "disconnected") {
    const text = t("links.banner_disconnected", { time: localTime(link.sinceMs) });
    banners.push({ id: "link", tone: "danger", text, retry: true });
  } else if (link.state === "reconnecting" && now - link.sinceMs > AFTER_MS) {
    banners.push({ id: "link", tone: "warning", text: t("links.banner_reconnecting"), retry: true });
  }
  if (link.state === "live" && (exchange.state === "down" || exchange.state === "stale") && now - exchange.sinceMs > AFTER_MS) {
    const words = { exchange: account?.environment === "sim" ? "SIM" : "Bybit", time: localTime(exchange.sinceMs) };
    const what = exchange.state === "down" ? t("links.banner_exchange_down", words) : t("links.banner_exchange_stale", words);
    const { reason } = exchange.health;
    const text = reason === null || exchange.state === "stale" ? what : `${what} ${faultText(t, reason, language)}`;
    banners.push({ id: "exchange", tone: exchange.state === "down" ? "danger" : "warning", text, retry: false });
  }
  if (ownerlessSinceMs !== null && now - ownerlessSinceMs > AFTER_MS) {
    banners.push({ id: "owner", tone: "danger", text: t("links.banner_no_owner", { time: localTime(ownerlessSinceMs) }), retry: false });
  }
  if (account !== null && account.stopped !== null) {
    const leads = { to: "/settings/accounts/$account", account: account.id, label: t("kill.details_short") } as const;
    banners.push({ id: "stopped", tone: "danger", text: t("notices.stopped"), retry: false, leads });
  }
  if (account !== null && account.environment === "live" && (account.armed === null || account.armed.until_ms <= now)) {
    const leads = { to: "/settings/accounts", account: account.id, label: t("arming.banner_open") } as const;
    banners.push({ id: "arming", tone: "warning", text: t("arming.banner"), retry: false, leads });
  }
  const unknown = orders.filter((order) => order.status === "unknown" && now - order.updated_ms > UNKNOWN_MS).length;
  if (unknown > 0) banners.push({ id: "unknown", tone: "warning", text: t("notices.unknown_banner", { count: unknown }), retry: false });
  if (account !== null && account.drift_count > 0) {
    banners.push({ id: "drift", tone: "warning", text: t("notices.drift", { count: account.drift_count }), retry: false, leads: { to: "/settings/accounts/$account/differences", account: account.id, label: t("differences.banner_open") } });
  }
  return banners;
}

/** When this page saw it begin; null while it does not hold. */
function useSince(holds: boolean): number | null {
  const [sinceMs, setSinceMs] = useState<number | null>(null);
  useEffect(() => setSinceMs(holds ? Date.now() : null), [holds]);
  return sinceMs;
}

export function Banners({ state }: { state: AccountState | null }) {
  const { t } = useWords();
  const data = state !== null && (state.phase === "live" || state.phase === "resyncing") ? state.data : null;
  const banners = useBanners(data?.account ?? null, data === null ? [] : [...data.orders.values()]);
  const [all, setAll] = useState(false);
  useSpokenLink();
  const shown = all ? banners : banners.slice(0, VISIBLE);
  if (banners.length === 0) return null;
  return (
    <div className="banners">
      {shown.map((banner) => (
        <div key={banner.id} className={`banner ${banner.tone}`} role={banner.tone === "danger" ? "alert" : "status"}>
          <Icon name="warning" size={16} />
          <span>{banner.text}</span>
          {banner.retry && (
            <button type="button" className="button small" onClick={() => stream.connection.retryNow()}>
              {t("common.retry_now")}
            </button>
          )}
          {banner.leads !== undefined && (
            <Link to={banner.leads.to} params={{ account: banner.leads.account }} className="button small" data-testid={`banner-${banner.id}`}>
              {banner.leads.label}
            </Link>
          )}
        </div>
      ))}
      {banners.length > VISIBLE && !all && (
        <button type="button" className="button small quiet" onClick={() => setAll(true)}>
          {t("shell.banners_more", { count: banners.length - VISIBLE })}
        </button>
      )}
    </div>
  );
}

/** Says once that the link went and once that it came back. */
function useSpokenLink(): void {
  const { t } = useWords();
  const link = useLink();
  const told = useRef(false);
  useEffect(() => {
    if (link.state === "reconnecting" && !told.current) {
      told.current = true;
      notices.speak(t("links.announce_lost"));
    } else if (link.state === "live" && told.current) {
      told.current = false;
      notices.speak(t("links.announce_restored"));
    }
  }, [link.state, t]);
}
