/** The chosen instrument with its figures, and the way to another one. */
import Big from "big.js";
import { useEffect, useState } from "react";
import type { Environment, Instrument, Ticker } from "../api/types";
import { UNKNOWN, large, percent, signOf, stepped, type Language } from "../format/number";
import { age, countdown } from "../format/time";
import { useWords } from "../i18n/useWords";
import { marketKey, useClocks, useNow, useQuote } from "../stream/hooks";
import { Icon } from "../ui/Icon";
import { kindOf } from "./kind";
import { MarketPicker } from "./MarketPicker";
import type { TerminalSearch } from "./search";

type Props = {
  readonly account: string;
  readonly environment: Environment;
  readonly held: ReadonlySet<string>;
  readonly chosen: Instrument;
  readonly tickers: readonly Ticker[];
  readonly search: TerminalSearch;
  readonly old: { readonly sinceMs: number } | null;
  readonly onPrice: (price: string) => void;
};

export function InstrumentBar(props: Props) {
  const { t } = useWords();
  const [choosing, setChoosing] = useState(false);
  const { chosen } = props;
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const typing = event.target instanceof HTMLElement && (event.target.matches("input, textarea, select") || event.target.closest("dialog") !== null);
      const asked = ((event.ctrlKey || event.metaKey) && !event.shiftKey && event.code === "KeyK") || (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey);
      if (!asked) return;
      event.preventDefault();
      setChoosing(true);
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
  return (
    <div className="instrument-bar panel">
      <button
        type="button"
        className="instrument-choose"
        aria-haspopup="dialog"
        aria-label={t("markets.open", { symbol: chosen.symbol, kind: t(`markets.kind_${kindOf(chosen)}`) })}
        data-testid="market-open"
        onClick={() => setChoosing(true)}
      >
        <strong>{chosen.symbol}</strong>{" "}
        <span className="muted">{t(`markets.kind_${kindOf(chosen)}`)}</span>
        <Icon name="chevron" size={12} />
      </button>
      <Figures {...props} />
      {choosing && (
        <MarketPicker
          account={props.account}
          environment={props.environment}
          chosen={chosen}
          held={props.held}
          search={props.search}
          onClose={() => setChoosing(false)}
        />
      )}
    </div>
  );
}

/** A market in which nothing happens is not an old one: from here on it only tells how long ago something did. */
const QUIET_MS = 15_000;

function toneOf(value: string | null | undefined): string {
  const sign = signOf(value);
  return sign > 0 ? "up" : sign < 0 ? "down" : "";
}

function Figures({ environment, chosen, tickers, old, onPrice }: Props) {
  const { t, language } = useWords();
  const quote = useQuote(marketKey(environment, chosen));
  const ticker = quote?.ticker ?? tickers.find((each) => each.symbol === chosen.symbol) ?? null;
  const now = useNow();
  const quietMs = old === null && quote != null ? now - quote.changedAtMs : 0;
  const sign = signOf(ticker?.change_24h_ratio);
  const last = stepped(ticker?.last_price, chosen.tick_size, language);
  return (
    <div className={`figures ${old === null ? "" : "is-old"}`}>
      <button
        type="button"
        className={`last-price ${toneOf(ticker?.change_24h_ratio)}`}
        title={t("terminal.use_price")}
        aria-label={`${t("terminal.last")} ${last}. ${t("terminal.use_price")}`}
        data-testid="last-price"
        disabled={ticker?.last_price == null}
        onClick={() => ticker?.last_price != null && onPrice(ticker.last_price)}
      >
        {last} <span aria-hidden="true">{sign > 0 ? "▲" : sign < 0 ? "▼" : ""}</span>
      </button>
      {old !== null && (
        <span className="old-age">
          <Icon name="clock" size={12} /> {t("terminal.stale_age", { age: age(now - old.sinceMs, language) })}
        </span>
      )}
      {quietMs >= QUIET_MS && (
        <span className="quiet-age" data-testid="quiet-age">
          {t("terminal.quiet_age", { age: age(quietMs, language) })}
        </span>
      )}
      <dl className="figure-list">
        <Figure name={t("terminal.mark")} value={stepped(ticker?.mark_price, chosen.tick_size, language)} />
        <Figure
          name={t("terminal.change_24h")}
          value={percent(ticker?.change_24h_ratio, language)}
          tone={toneOf(ticker?.change_24h_ratio)}
        />
        <Figure name={t("terminal.high_24h")} value={stepped(ticker?.high_24h, chosen.tick_size, language)} />
        <Figure name={t("terminal.low_24h")} value={stepped(ticker?.low_24h, chosen.tick_size, language)} />
        <Figure name={t("terminal.volume_24h")} value={`${large(ticker?.volume_24h, language)} ${chosen.base_coin}`} />
        {chosen.category === "linear" && <Funding environment={environment} ticker={ticker} language={language} />}
      </dl>
    </div>
  );
}

function Figure({ name, value, tone = "" }: { name: string; value: string; tone?: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd className={tone}>{value}</dd>
    </div>
  );
}

function Funding({ environment, ticker, language }: { environment: Environment; ticker: Ticker | null; language: Language }) {
  const { t } = useWords();
  const clocks = useClocks(environment);
  const now = useNow();
  const rate = ticker?.funding_rate;
  // Funding falls due by the market's clock, which may be another than ours.
  const marketNow =
    clocks?.marketNowMs != null
      ? clocks.marketNowMs + (now - clocks.heardAtMs) * clocks.marketSpeed
      : now + (clocks?.serverOffsetMs ?? 0);
  const at = ticker?.next_funding_at_ms ?? null;
  const due = at !== null && at > marketNow ? ` · ${countdown(at - marketNow)}` : "";
  const text = rate == null ? UNKNOWN : percent(new Big(rate).toFixed(), language, 4);
  return <Figure name={t("terminal.funding")} value={`${text}${due}`} />;
}
