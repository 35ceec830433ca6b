/**
 * Choosing an instrument: tabs, search by symbol or by the names people use, sorting.
 *
 * While the pointer or the focus is in the list its order stands still, so that no row moves under a click.
 */
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useEffectEvent, useMemo, useRef, useState } from "react";
import type { Environment, Instrument } from "../api/types";
import { instrumentsQuery, tickersQuery } from "../app/session";
import { large, percent, signOf, stepped } from "../format/number";
import { useWords } from "../i18n/useWords";
import { kindOf } from "./kind";
import { useNow, useSignal } from "../stream/hooks";
import { Failure } from "../ui/Failure";
import { Icon } from "../ui/Icon";
import { Segments } from "../ui/Segments";
import { Waiting } from "../ui/Waiting";
import { favourites, toggleFavourite } from "./favourites";
import { badgeOf, inTab, marketId, matches, sorted, type Market, type MarketTab, type Sort, type SortKey } from "./markets";
import type { TerminalSearch } from "./search";

type Props = {
  readonly account: string;
  readonly environment: Environment;
  readonly chosen: Instrument;
  readonly held: ReadonlySet<string>;
  readonly search: TerminalSearch;
  readonly onClose: () => void;
};

const TABS: readonly MarketTab[] = ["favourites", "linear", "spot", "held"];
const COLUMNS: readonly SortKey[] = ["symbol", "last", "change", "turnover", "funding"];
const REFRESH_MS = 3_000;
const THAW_MS = 2_000;

export function MarketPicker(props: Props) {
  const { t } = useWords();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} className="dialog market-picker" data-testid="market-picker" aria-label={t("markets.title")} onClose={props.onClose}>
      <Picker {...props} close={() => dialog.current?.close()} />
    </dialog>
  );
}

function useMarkets(environment: Environment): { markets: readonly Market[]; pending: boolean; error: unknown; again: () => void } {
  const linear = useQuery(instrumentsQuery(environment, "linear"));
  const spot = useQuery(instrumentsQuery(environment, "spot"));
  const linearTickers = useQuery({ ...tickersQuery(environment, "linear"), refetchInterval: REFRESH_MS }).data;
  const spotTickers = useQuery({ ...tickersQuery(environment, "spot"), refetchInterval: REFRESH_MS }).data;
  const markets = useMemo(() => {
    const byId = new Map([...(linearTickers ?? []), ...(spotTickers ?? [])].map((ticker) => [marketId(ticker), ticker]));
    return [...(linear.data ?? []), ...(spot.data ?? [])].map((instrument) => ({ instrument, ticker: byId.get(marketId(instrument)) ?? null }));
  }, [linear.data, spot.data, linearTickers, spotTickers]);
  const again = (): void => {
    void linear.refetch();
    void spot.refetch();
  };
  // One list of the two is worth more than none: what failed is said beside it.
  return { markets, pending: linear.isPending || spot.isPending, error: linear.error ?? spot.error, again };
}

function Picker({ account, environment, chosen, held, search, close }: Props & { readonly close: () => void }) {
  const { t } = useWords();
  const navigate = useNavigate();
  const marked = useSignal(favourites);
  const { markets, pending, error, again } = useMarkets(environment);
  const [tab, setTab] = useState<MarketTab>(chosen.category);
  const [typed, setTyped] = useState("");
  const [sort, setSort] = useState<Sort>({ key: "turnover", descending: true });
  // What is typed is looked for everywhere: a person who searches does not know the tab.
  const shown = markets.filter(({ instrument }) =>
    typed.trim() === "" ? inTab(instrument, tab, marked, held) : matches(instrument, typed),
  );
  const { rows, hold } = useStill(shown, sort);
  const list = useRef<HTMLDivElement>(null);

  const open = (instrument: Instrument): void => {
    close();
    const params = { account, category: instrument.category, symbol: instrument.symbol };
    void navigate({ to: "/terminal/$account/$category/$symbol", params, search });
  };
  const body = useRef<HTMLDivElement>(null);
  const onKeyDown = useEffectEvent((event: KeyboardEvent): void => {
    const buttons = [...(list.current?.querySelectorAll<HTMLButtonElement>("[data-market]") ?? [])];
    const at = buttons.findIndex((each) => each === document.activeElement);
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      buttons[Math.max(0, Math.min(buttons.length - 1, at + (event.key === "ArrowDown" ? 1 : -1)))]?.focus();
    } else if (event.key === "Enter" && at < 0) {
      event.preventDefault();
      const first = rows[0];
      if (first !== undefined) open(first.instrument);
    } else if (event.key === "*" && at >= 0) {
      event.preventDefault();
      const id = buttons[at]?.dataset["market"];
      if (id !== undefined) toggleFavourite(id);
    }
  });
  useEffect(() => {
    const place = body.current;
    place?.addEventListener("keydown", onKeyDown);
    return () => place?.removeEventListener("keydown", onKeyDown);
  }, []);

  return (
    <div ref={body} className="market-body">
      <header className="market-head">
        <input
          className="input"
          type="search"
          placeholder={t("markets.search")}
          aria-label={t("markets.search")}
          value={typed}
          data-testid="market-search"
          onChange={(event) => setTyped(event.target.value)}
        />
        <button type="button" className="icon-button" aria-label={t("common.close")} onClick={close}>
          <Icon name="cross" />
        </button>
      </header>
      <Segments
        label={t("markets.title")}
        value={tab}
        options={TABS.map((value) => ({ value, label: t(`markets.tab_${value}`), testId: `market-tab-${value}` }))}
        onChange={(value) => {
          setTab(value);
          setTyped("");
        }}
      />
      {error !== null && <Failure what={t("terminal.instruments_failed")} error={error} onRetry={again} />}
      {pending && markets.length === 0 && <Waiting rows={8} onRetry={again} />}
      <div ref={list} className="market-list" onPointerEnter={() => hold(true)} onPointerLeave={() => hold(false)} onFocus={() => hold(true)} onBlur={() => hold(false)}>
        <table className="table">
          <thead>
            <tr>
              <th scope="col" className="market-star">
                <span className="visually-hidden">{t("markets.favourite")}</span>
              </th>
              {COLUMNS.map((key) => (
                <th key={key} scope="col" aria-sort={sort.key !== key ? "none" : sort.descending ? "descending" : "ascending"}>
                  <button
                    type="button"
                    className="sort-button"
                    onClick={() => setSort({ key, descending: sort.key === key ? !sort.descending : key !== "symbol" })}
                  >
                    {t(`markets.${key}`)}
                    <span aria-hidden="true">{sort.key === key ? (sort.descending ? " ▾" : " ▴") : ""}</span>
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((market) => (
              <Row
                key={marketId(market.instrument)}
                market={market}
                marked={marked.has(marketId(market.instrument))}
                active={marketId(market.instrument) === marketId(chosen)}
                onOpen={() => open(market.instrument)}
              />
            ))}
          </tbody>
        </table>
        {!pending && rows.length === 0 && (
          <p className="muted market-empty">{typed.trim() === "" ? t(`markets.empty_${tab}`) : t("markets.nothing", { typed: typed.trim().slice(0, 24) })}</p>
        )}
      </div>
    </div>
  );
}

/** The rows in their order; while held, known rows keep their places and only their figures change. */
function useStill(markets: readonly Market[], sort: Sort): { rows: readonly Market[]; hold: (held: boolean) => void } {
  const [held, setHeld] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);
  const order = useRef<{ readonly sort: Sort; readonly ids: readonly string[] }>({ sort, ids: [] });
  useEffect(() => () => clearTimeout(timer.current ?? undefined), []);
  const hold = (now: boolean): void => {
    clearTimeout(timer.current ?? undefined);
    if (now) setHeld(true);
    else timer.current = setTimeout(() => setHeld(false), THAW_MS);
  };
  const fresh = sorted(markets, sort);
  const same = order.current.sort === sort && order.current.ids.length === fresh.length;
  const places = new Map(order.current.ids.map((id, place) => [id, place]));
  const stays = held && same && fresh.every(({ instrument }) => places.has(marketId(instrument)));
  const rows = stays ? [...fresh].sort((a, b) => (places.get(marketId(a.instrument)) ?? 0) - (places.get(marketId(b.instrument)) ?? 0)) : fresh;
  useEffect(() => {
    order.current = { sort, ids: rows.map(({ instrument }) => marketId(instrument)) };
  });
  return { rows, hold };
}

function Row({ market, marked, active, onOpen }: { market: Market; marked: boolean; active: boolean; onOpen: () => void }) {
  const { t, language } = useWords();
  const { instrument, ticker } = market;
  const now = useNow(60_000);
  const badge = badgeOf(instrument, now);
  const sign = signOf(ticker?.change_24h_ratio);
  const id = marketId(instrument);
  return (
    <tr className={active ? "active" : ""}>
      <td className="market-star">
        <button
          type="button"
          className={`star ${marked ? "on" : ""}`}
          aria-pressed={marked}
          aria-label={t("markets.mark", { symbol: instrument.symbol })}
          onClick={() => toggleFavourite(id)}
        >
          <span aria-hidden="true">{marked ? "★" : "☆"}</span>
        </button>
      </td>
      <td>
        <button type="button" className="market-name" data-market={id} data-testid={`market-${instrument.category}-${instrument.symbol}`} onClick={onOpen}>
          <strong>{instrument.symbol}</strong>
          <span className="muted">{t(`markets.kind_${kindOf(instrument)}`)}</span>
          {badge !== null && <span className="market-badge">{t(`markets.badge_${badge}`)}</span>}
        </button>
      </td>
      <td className="number">{stepped(ticker?.last_price, instrument.tick_size, language)}</td>
      <td className={`number ${sign > 0 ? "up" : sign < 0 ? "down" : ""}`}>
        {sign > 0 ? "▲ " : sign < 0 ? "▼ " : ""}
        {percent(ticker?.change_24h_ratio, language)}
      </td>
      <td className="number">{large(ticker?.turnover_24h, language)}</td>
      <td className="number">{instrument.category === "spot" ? "—" : percent(ticker?.funding_rate, language, 4)}</td>
    </tr>
  );
}
