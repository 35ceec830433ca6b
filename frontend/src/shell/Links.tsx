/** The two links: this browser to our server, our server to the exchange. They fail apart, so they are shown apart. */
import { useEffect, useState } from "react";
import { measureRoundTrip } from "../api/calls";
import { age, localTime } from "../format/time";
import type { Account } from "../api/types";
import { useWords } from "../i18n/useWords";
import { accountName, faultText, type Words } from "../i18n/words";
import { stream } from "../app/services";
import { useExchange, useLink, useNow, useSignal } from "../stream/hooks";
import type { Link } from "../stream/connection";
import { Popover } from "../ui/Popover";

export function linkText(t: Words, link: Link, nowMs: number): string {
  switch (link.state) {
    case "connecting":
    case "live":
    case "disconnected":
    case "signed_out":
      return t(`links.${link.state}`);
    case "reconnecting": {
      const seconds = Math.ceil((link.nextAtMs - nowMs) / 1000);
      if (seconds <= 0) return t("links.reconnecting_now", { attempt: link.attempt });
      return t("links.reconnecting", { attempt: link.attempt, seconds });
    }
    default:
      return unheard(link);
  }
}

function unheard(_link: never): string {
  return "";
}

export function LinkIndicator() {
  const { t } = useWords();
  const link = useLink();
  const now = useNow();
  const text = linkText(t, link, now);
  return (
    <Popover
      label={`${t("links.link")}: ${text}`}
      triggerClass="indicator"
      testId="link-indicator"
      state={link.state}
      trigger={
        <>
          <span className={`dot ${link.state}`} aria-hidden="true" />
          <span className="indicator-name">{t("links.link")}</span>
          {link.state === "reconnecting" && <span className="indicator-note">{text}</span>}
        </>
      }
    >
      {() => <LinkFacts link={link} now={now} text={text} />}
    </Popover>
  );
}

function LinkFacts({ link, now, text }: { link: Link; now: number; text: string }) {
  const { t, language } = useWords();
  const last = useSignal(stream.connection.lastFrameAtMs);
  const [roundTrip, setRoundTrip] = useState<number | null>(null);
  useEffect(() => {
    let stopped = false;
    const measure = (): void => {
      measureRoundTrip().then(
        (ms) => !stopped && setRoundTrip(ms),
        () => !stopped && setRoundTrip(null),
      );
    };
    measure();
    const timer = setInterval(measure, 5000);
    return () => {
      stopped = true;
      clearInterval(timer);
    };
  }, []);
  const waiting = link.state === "reconnecting" || link.state === "disconnected";
  return (
    <>
      <h2>{t("links.link_title")}</h2>
      <dl className="facts">
        <dt>{t("links.state")}</dt>
        <dd>{text}</dd>
        <dt>{t("links.since")}</dt>
        <dd>{localTime(link.sinceMs)}</dd>
        <dt>{t("links.last_frame")}</dt>
        <dd>{last === null ? "—" : t("links.ago", { age: age(now - last, language) })}</dd>
        <dt>{t("links.latency")}</dt>
        <dd>{roundTrip === null ? "—" : t("links.ms", { value: Math.round(roundTrip) })}</dd>
        {waiting && (
          <>
            <dt>{t("links.reason")}</dt>
            <dd className="long">{t(`links.reason_${link.reason}`)}</dd>
          </>
        )}
      </dl>
      {waiting && (
        <button type="button" className="button small popover-action" onClick={() => stream.connection.retryNow()}>
          {t("common.retry_now")}
        </button>
      )}
    </>
  );
}

export function ExchangeIndicator({ account }: { account: Account | null }) {
  const { t, language } = useWords();
  const exchange = useExchange(account?.environment ?? null);
  const link = useLink();
  const now = useNow();
  // What the server said of its exchange is only as young as the last heartbeat.
  const state = link.state === "live" || link.state === "connecting" ? exchange.state : "unheard";
  const text = t(`links.${state}`);
  return (
    <Popover
      label={`${t("links.exch")}: ${text}`}
      triggerClass="indicator"
      testId="exch-indicator"
      state={state}
      trigger={
        <>
          <span className={`dot ${state}`} aria-hidden="true" />
          <span className="indicator-name">{t("links.exch")}</span>
        </>
      }
    >
      {() => (
        <>
          <h2>{t("links.exch_title")}</h2>
          <dl className="facts">
            <dt>{t("links.state")}</dt>
            <dd>{text}</dd>
            {exchange.state !== "unheard" && (
              <>
                <dt>{t("links.since")}</dt>
                <dd>{localTime(exchange.sinceMs)}</dd>
                <dt>{t("links.last_frame")}</dt>
                <dd>
                  {exchange.health.last_frame_age_ms === null
                    ? "—"
                    : t("links.ago", { age: age(exchange.health.last_frame_age_ms + now - exchange.heardAtMs, language) })}
                </dd>
                {exchange.health.reason !== null && (
                  <>
                    <dt>{t("links.reason")}</dt>
                    <dd className="long">{faultText(t, exchange.health.reason, language)}</dd>
                  </>
                )}
              </>
            )}
            {account !== null && (
              <>
                <dt>{t("links.account_session")}</dt>
                <dd>
                  {accountName(t, account)}: {t(`links.session.${account.session.state}`)}
                </dd>
                {account.session.reason !== null && (
                  <>
                    <dt>{t("links.reason")}</dt>
                    <dd className="long">{faultText(t, account.session.reason, language)}</dd>
                  </>
                )}
              </>
            )}
          </dl>
        </>
      )}
    </Popover>
  );
}
