/** The order book and the trades beside the chart. A press on a price fills the ticket and never sends anything. */
import { useCallback, useState } from "react";
import type { Environment, Instrument, Order, PublicTrade } from "../api/types";
import { stream } from "../app/services";
import { decimalsOf, fixed, stepped } from "../format/number";
import { exactTime, localTime } from "../format/time";
import { useWords } from "../i18n/useWords";
import { marketKey, useBook, useTrades } from "../stream/hooks";
import { Segments } from "../ui/Segments";
import { Waiting } from "../ui/Waiting";
import { isBroken, ownPrices, rowsOf, type Level } from "./levels";

type Props = {
  readonly environment: Environment;
  readonly instrument: Instrument;
  readonly orders: readonly Order[];
  readonly old: boolean;
  readonly onPrice: (price: string) => void;
};

const FACTORS = ["1", "10", "100"] as const;
/** As many levels of each side as are shown at most, and while the room is not measured yet. */
const DEPTH_MAX = 25;
const DEPTH_FIRST = 5;
const TRADES_SHOWN = 60;

export function BookPanel(props: Props) {
  const { t } = useWords();
  const [shown, setShown] = useState<"book" | "trades">("book");
  return (
    <section className="panel book-panel" aria-label={t("book.region")}>
      <Segments
        label={t("book.region")}
        value={shown}
        options={[
          { value: "book", label: t("book.book"), testId: "book-tab-book" },
          { value: "trades", label: t("book.trades"), testId: "book-tab-trades" },
        ]}
        onChange={setShown}
      />
      {shown === "book" ? <OrderBook {...props} /> : <Trades {...props} />}
    </section>
  );
}

function OrderBook({ environment, instrument, orders, old, onPrice }: Props) {
  const { t, language } = useWords();
  const key = marketKey(environment, instrument);
  const view = useBook(key);
  const [factor, setFactor] = useState<(typeof FACTORS)[number]>("1");
  const [side, depth] = useDepth();
  if (view === null) return <Waiting rows={10} onRetry={() => stream.connection.resubscribe(`book:${key}`)} />;
  const rows = rowsOf(view.book, instrument.tick_size, Number(factor), depth);
  const own = ownPrices(
    orders.flatMap((order) => (order.price === null ? [] : [{ side: order.side, price: order.price }])),
    instrument.tick_size,
    Number(factor),
  );
  const broken = isBroken(view.book);
  // A place in the book and not a price is what the focus rests on: levels come and go many times a second.
  const level = (name: "Buy" | "Sell", at: Level, place: number) => (
    <BookRow key={place} side={name} level={at} own={own.has(`${name}:${at.price}`)} instrument={instrument} onPrice={onPrice} />
  );
  return (
    <div className={`book ${old || broken ? "is-old" : ""}`} data-testid="book">
      {broken && <p className="caution">{t("book.broken")}</p>}
      <div className="book-head">
        <span>
          {t("tables.price")}, {instrument.quote_coin}
        </span>
        <span>
          {t("tables.size")}, {instrument.base_coin}
        </span>
      </div>
      <div ref={side} className="book-side asks">
        {rows.asks.map((at, place) => level("Sell", at, place))}
      </div>
      <div className="book-middle">
        <strong>{stepped(rows.mid, halfOf(instrument.tick_size), language)}</strong>
        <span className="muted">{t("book.spread", { value: stepped(rows.spread, instrument.tick_size, language) })}</span>
      </div>
      <div className="book-side bids">{rows.bids.map((at, place) => level("Buy", at, place))}</div>
      <Segments
        label={t("book.grouping")}
        className="book-grouping"
        value={factor}
        options={FACTORS.map((value) => ({ value, label: `×${value}` }))}
        onChange={setFactor}
      />
    </div>
  );
}

/** How many whole rows fit into one side: a row out of sight would take the focus along. */
function useDepth(): [(side: HTMLElement | null) => (() => void) | undefined, number] {
  const [depth, setDepth] = useState(DEPTH_FIRST);
  const measure = useCallback((side: HTMLElement | null) => {
    if (side === null) return undefined;
    const look = (): void => {
      const row = side.firstElementChild?.getBoundingClientRect().height ?? 0;
      if (row > 0) setDepth(Math.min(DEPTH_MAX, Math.max(1, Math.floor(side.clientHeight / row))));
    };
    const observer = new ResizeObserver(look);
    observer.observe(side);
    return () => observer.disconnect();
  }, []);
  return [measure, depth];
}

/** The middle of an odd spread lies between two ticks. */
function halfOf(tick: string): string {
  return `0.${"0".repeat(decimalsOf(tick))}5`;
}

function BookRow(props: { side: "Buy" | "Sell"; level: Level; own: boolean; instrument: Instrument; onPrice: (price: string) => void }) {
  const { t, language } = useWords();
  const { level, instrument } = props;
  const price = stepped(level.price, instrument.tick_size, language);
  return (
    <button
      type="button"
      className={`book-row ${props.side === "Buy" ? "bid" : "ask"}`}
      data-testid={props.side === "Buy" ? "book-bid" : "book-ask"}
      aria-label={`${t("book.row", { price, size: stepped(level.size, instrument.quantity_step, language) })}${props.own ? `; ${t("book.own")}` : ""}`}
      onClick={() => props.onPrice(level.price)}
    >
      <span className="depth" aria-hidden="true" style={{ transform: `scaleX(${level.share.toFixed(3)})` }} />
      <span className="book-price">
        {props.own && (
          <span className="own" title={t("book.own")} aria-hidden="true">
            ●
          </span>
        )}
        {price}
      </span>{" "}
      <span>{stepped(level.size, instrument.quantity_step, language)}</span>
    </button>
  );
}

function Trades({ environment, instrument, old }: Props) {
  const { t, language } = useWords();
  const trades = useTrades(marketKey(environment, instrument));
  const [held, setHeld] = useState<readonly PublicTrade[] | null>(null);
  const shown = held ?? trades;
  if (trades.length === 0) return <p className="muted book-empty">{t("book.no_trades")}</p>;
  const newest = [...shown].reverse().slice(0, TRADES_SHOWN);
  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- looking at it, by pointer or by keyboard, is what holds it
    <div
      role="group"
      aria-label={t("book.trades")}
      // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls, and a keyboard must reach it for that
      tabIndex={0}
      className={`tape ${old ? "is-old" : ""}`}
      data-testid="tape"
      onPointerEnter={() => setHeld(trades)}
      onPointerLeave={() => setHeld(null)}
      onFocus={() => setHeld(trades)}
      onBlur={() => setHeld(null)}
    >
      {held !== null && <p className="hint">{t("book.paused")}</p>}
      <table className="table">
        <thead>
          <tr>
            <th scope="col">{t("tables.price")}</th>
            <th scope="col" className="number">
              {t("tables.size")}
            </th>
            <th scope="col" className="number">
              {t("tables.time")}
            </th>
          </tr>
        </thead>
        <tbody>
          {newest.map((trade) => (
            <tr key={trade.id} data-testid="tape-row">
              <td className={trade.side === "Buy" ? "up" : "down"}>
                <span aria-hidden="true">{trade.side === "Buy" ? "▲" : "▼"}</span>
                <span className="visually-hidden">{trade.side === "Buy" ? t("tables.buy") : t("tables.sell")}</span>{" "}
                {fixed(trade.price, decimalsOf(instrument.tick_size), language)}
              </td>
              <td className="number">{stepped(trade.quantity, instrument.quantity_step, language)}</td>
              <td className="number">
                <time dateTime={exactTime(trade.time_ms)}>{localTime(trade.time_ms)}</time>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
