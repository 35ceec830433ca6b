/** Positions, fills and balances. */
import { useState } from "react";
import type { CoinBalance, Environment, Fill, Position } from "../api/types";
import { amount, decimalsOf, fixed, percent, signed, signOf, stepped, UNKNOWN, type Language } from "../format/number";
import Big from "big.js";
import { useWords } from "../i18n/useWords";
import { age } from "../format/time";
import { marketKey, useNow, useQuote, useSignal } from "../stream/hooks";
import { ReversePosition } from "./actions/Confirm";
import { ClosePosition } from "./actions/ClosePosition";
import { ExitsDialog } from "./actions/Exits";
import { dustShown, showDust } from "./choices";
import { SideCell, SourceCell, SymbolCell, TimeCell } from "./cells";
import { DataTable, numeric, type Column } from "./DataTable";
import type { FindInstrument } from "./OrdersTable";
import { Shield } from "./Shield";

function Signed({ value, language, suffix = "" }: { value: string | null; language: Language; suffix?: string }) {
  const sign = signOf(value);
  return (
    <span className={sign > 0 ? "up" : sign < 0 ? "down" : ""}>
      {signed(amount(value, language))}
      {suffix}
    </span>
  );
}

/** Profit against the margin bound in the position; unknown without margin. */
function returnOnMargin(position: Position, profit: string): string | null {
  const margin = new Big(position.initial_margin || "0");
  if (margin.lte(0)) return null;
  return new Big(profit || "0").div(margin).toFixed(6);
}

type PositionsProps = {
  readonly label: string;
  readonly environment: Environment;
  readonly marginMode: string | null;
  readonly positions: readonly Position[];
  readonly find: FindInstrument;
  /** Whether market prices can no longer be trusted, and with them what is computed from them. */
  readonly oldPrices: boolean;
  /** Null: what opens may be asked; else why not. */
  readonly openBlock: string | null;
  /** Null: what reduces or protects may be asked; else why not. */
  readonly reduceBlock: string | null;
};

type Action = { readonly kind: "close" | "reverse" | "exits"; readonly key: string };

const keyOf = (position: Position): string => `${position.category}:${position.symbol}:${position.position_index}`;

export function PositionsTable({ label, environment, marginMode, positions, find, oldPrices, openBlock, reduceBlock }: PositionsProps) {
  const { t, language } = useWords();
  const now = useNow(30_000);
  const [action, setAction] = useState<Action | null>(null);
  const price = (position: Position, value: string | null): string => stepped(value, find(position)?.tick_size ?? value ?? undefined, language);
  const mode = marginMode === null ? null : t(marginMode === "ISOLATED_MARGIN" ? "tables.mode_isolated" : marginMode === "REGULAR_MARGIN" ? "tables.mode_cross" : "tables.mode_portfolio");
  const columns: Column<Position>[] = [
    { key: "symbol", head: t("tables.symbol"), wide: true, sort: (position) => position.symbol, cell: (position) => <SymbolCell row={position} /> },
    {
      key: "side",
      head: t("tables.side"),
      wide: true,
      sort: (position) => position.side,
      cell: ({ side }) =>
        side === null ? (
          UNKNOWN
        ) : (
          <span className={side === "Buy" ? "up" : "down"}>
            <span aria-hidden="true">{side === "Buy" ? "▲" : "▼"}</span> {side === "Buy" ? t("tables.long") : t("tables.short")}
          </span>
        ),
    },
    {
      key: "size",
      head: t("tables.size"),
      numeric: true,
      wide: true,
      sort: (position) => numeric(position.size),
      cell: (position) => stepped(position.size, find(position)?.quantity_step ?? position.size, language),
    },
    {
      key: "protection",
      head: t("tables.shield"),
      wide: true,
      sort: (position) => position.protection?.state ?? null,
      cell: (position) => <Shield position={position} instrument={find(position)} onSet={() => setAction({ kind: "exits", key: keyOf(position) })} />,
    },
    { key: "entry", head: t("tables.entry"), numeric: true, wide: true, sort: (position) => numeric(position.entry_price), cell: (position) => price(position, position.entry_price) },
    {
      key: "mark",
      head: t("tables.mark"),
      numeric: true,
      optional: true,
      cell: (position) => <Live environment={environment} position={position} find={find} old={oldPrices} show="mark" />,
    },
    { key: "liquidation", head: t("tables.liquidation"), numeric: true, optional: true, sort: (position) => numeric(position.liquidation_price), cell: (position) => price(position, position.liquidation_price) },
    {
      key: "margin",
      head: t("tables.margin_mode"),
      numeric: true,
      optional: true,
      sort: (position) => numeric(position.initial_margin),
      cell: (position) => `${amount(position.initial_margin, language)}${mode === null ? "" : ` · ${mode}`}`,
    },
    {
      key: "leverage",
      head: t("tables.leverage"),
      numeric: true,
      optional: true,
      sort: (position) => numeric(position.leverage),
      cell: ({ leverage }) => (leverage === null ? UNKNOWN : `${fixed(leverage, decimalsOf(leverage), language)}×`),
    },
    {
      key: "unrealised",
      head: t("tables.unrealised"),
      numeric: true,
      wide: true,
      sort: (position) => numeric(position.unrealised_pnl),
      cell: (position) => <Live environment={environment} position={position} find={find} old={oldPrices} show="profit" />,
    },
    {
      key: "realised",
      head: t("tables.realised"),
      numeric: true,
      optional: true,
      sort: (position) => numeric(position.realised_pnl),
      cell: (position) => <Signed value={position.realised_pnl} language={language} />,
    },
    {
      key: "exits",
      head: t("tables.exits"),
      numeric: true,
      wide: true,
      cell: (position) => (
        <button
          type="button"
          className="link-button"
          data-testid="position-exits"
          aria-haspopup="dialog"
          title={position.stops_read_ms === null ? t("tables.exits_unread") : t("tables.exits_read", { age: age(now - position.stops_read_ms, language) })}
          onClick={() => setAction({ kind: "exits", key: keyOf(position) })}
        >
          {position.take_profit === null && position.stop_loss === null
            ? t("tables.exits_none")
            : `${price(position, position.take_profit)} / ${price(position, position.stop_loss)}`}
        </button>
      ),
    },
    { key: "break_even", head: t("tables.break_even"), numeric: true, optional: true, cell: (position) => price(position, position.break_even_price) },
    {
      key: "adl",
      head: t("tables.adl"),
      numeric: true,
      optional: true,
      sort: (position) => position.adl_rank,
      cell: ({ adl_rank }) => (adl_rank === null ? UNKNOWN : <span title={t("tables.adl_hint", { rank: adl_rank })}>{adl_rank}/5</span>),
    },
    {
      key: "actions",
      head: t("tables.actions"),
      cell: (position) => (
        <span className="row">
          <button
            type="button"
            className="button small"
            data-testid="position-close"
            aria-haspopup="dialog"
            aria-label={t("actions.close_title", { symbol: position.symbol })}
            aria-disabled={find(position) === null}
            onClick={() => find(position) !== null && setAction({ kind: "close", key: keyOf(position) })}
          >
            {t("actions.close")}
          </button>
          <button
            type="button"
            className="button small"
            data-testid="position-reverse"
            aria-haspopup="dialog"
            aria-label={t("actions.reverse_title", { symbol: position.symbol })}
            aria-disabled={find(position) === null}
            onClick={() => find(position) !== null && setAction({ kind: "reverse", key: keyOf(position) })}
          >
            {t("actions.reverse")}
          </button>
        </span>
      ),
    },
  ];
  const about = action === null ? undefined : positions.find((position) => keyOf(position) === action.key);
  const instrument = about === undefined ? null : find(about);
  const closed = (): void => setAction(null);
  return (
    <>
      <DataTable
        name="positions"
        label={label}
        columns={columns}
        rows={positions}
        keyOf={keyOf}
        rowTestId="position-row"
        rowData={(position) => ({ "data-symbol": position.symbol })}
      />
      {action?.kind === "close" && about !== undefined && instrument !== null && (
        <ClosePosition position={about} environment={environment} instrument={instrument} block={reduceBlock} onClose={closed} />
      )}
      {action?.kind === "reverse" && about !== undefined && instrument !== null && (
        <ReversePosition position={about} instrument={instrument} block={openBlock} onClose={closed} />
      )}
      {action?.kind === "exits" && about !== undefined && instrument !== null && (
        <ExitsDialog position={about} environment={environment} instrument={instrument} block={reduceBlock} onClose={closed} />
      )}
    </>
  );
}

/** Mark price and open profit by the market of the moment; the exchange tells a position only when it changes. */
function Live({ environment, position, find, old, show }: { environment: Environment; position: Position; find: FindInstrument; old: boolean; show: "mark" | "profit" }) {
  const { language } = useWords();
  const quote = useQuote(marketKey(environment, position));
  const mark = quote?.ticker.mark_price ?? position.mark_price;
  if (show === "mark") return <span className={old ? "old" : ""}>{stepped(mark, find(position)?.tick_size ?? mark ?? undefined, language)}</span>;
  const profit = profitAt(position, mark);
  const margin = returnOnMargin(position, profit);
  return (
    <span className={old ? "old" : ""}>
      <Signed value={profit} language={language} suffix={margin === null ? "" : ` (${percent(margin, language)})`} />
    </span>
  );
}

/** Open profit of a linear position at a mark price (settle coin); what the exchange told where there is none. */
function profitAt(position: Position, mark: string | null): string {
  if (mark === null || position.entry_price === null || position.side === null) return position.unrealised_pnl;
  const moved = position.side === "Buy" ? new Big(mark).minus(position.entry_price) : new Big(position.entry_price).minus(mark);
  return moved.times(position.size).toFixed(8);
}

type FillsProps = {
  readonly label: string;
  readonly fills: readonly Fill[];
  readonly find: FindInstrument;
  readonly onOlder: (() => void) | undefined;
  readonly olderPending: boolean;
};

export function FillsTable({ label, fills, find, onOlder, olderPending }: FillsProps) {
  const { t, language } = useWords();
  const now = useNow(60_000);
  const columns: Column<Fill>[] = [
    { key: "time", head: t("tables.time"), wide: true, sort: (fill) => fill.time_ms, cell: (fill) => <TimeCell ms={fill.time_ms} now={now} /> },
    {
      key: "symbol",
      head: t("tables.symbol"),
      wide: true,
      sort: (fill) => fill.symbol,
      cell: (fill) => (
        <>
          <SymbolCell row={fill} /> {fill.exec_type === "Funding" && <span className="muted">{t("tables.kind_funding")}</span>}
        </>
      ),
    },
    { key: "side", head: t("tables.side"), wide: true, sort: (fill) => fill.side, cell: (fill) => <SideCell side={fill.side} /> },
    {
      key: "price",
      head: t("tables.price"),
      numeric: true,
      wide: true,
      sort: (fill) => numeric(fill.price),
      cell: (fill) => stepped(fill.price, find(fill)?.tick_size ?? fill.price, language),
    },
    {
      key: "quantity",
      head: t("tables.quantity"),
      numeric: true,
      wide: true,
      sort: (fill) => numeric(fill.quantity),
      cell: (fill) => stepped(fill.quantity, find(fill)?.quantity_step ?? fill.quantity, language),
    },
    {
      key: "fee",
      head: t("tables.fee"),
      numeric: true,
      optional: true,
      sort: (fill) => numeric(fill.fee),
      cell: (fill) => `${fixed(fill.fee, Math.min(8, Math.max(2, decimalsOf(fill.fee))), language)} ${fill.fee_coin}`,
    },
    { key: "role", head: t("tables.role"), optional: true, cell: (fill) => (fill.is_maker ? t("tables.maker") : t("tables.taker")) },
    {
      key: "order",
      head: t("tables.order_id"),
      optional: true,
      cell: (fill) => <span className="code short">{(fill.order_id ?? fill.exchange_order_id).slice(-8)}</span>,
    },
    { key: "source", head: t("tables.source"), optional: true, sort: (fill) => fill.source, cell: (fill) => <SourceCell source={fill.source} /> },
  ];
  return (
    <DataTable
      name="fills"
      label={label}
      columns={columns}
      rows={fills}
      keyOf={(fill) => fill.id}
      rowTestId="fill-row"
      rowData={(fill) => ({ "data-order-id": fill.order_id ?? "" })}
      onOlder={onOlder}
      olderPending={olderPending}
    />
  );
}

/** Less than this many dollars is dust; what has no known value is not. */
const DUST_USD = 1;

export function BalancesTable({ label, coins }: { label: string; coins: readonly CoinBalance[] }) {
  const { t, language } = useWords();
  const dust = useSignal(dustShown);
  const isDust = (coin: CoinBalance): boolean => coin.usd_value !== null && Math.abs(Number(coin.usd_value)) < DUST_USD;
  const shown = dust ? coins : coins.filter((coin) => !isDust(coin));
  const column = (key: Exclude<keyof CoinBalance, "coin">, head: string, optional = true): Column<CoinBalance> => ({
    key,
    head,
    numeric: true,
    optional,
    sort: (coin) => numeric(coin[key]),
    cell: (coin) => coinAmount(coin[key], language),
  });
  const columns: Column<CoinBalance>[] = [
    { key: "coin", head: t("tables.coin"), wide: true, sort: (coin) => coin.coin, cell: (coin) => <strong>{coin.coin}</strong> },
    { ...column("wallet_balance", t("tables.wallet"), false), wide: true },
    { ...column("available", t("tables.available")), wide: true },
    column("locked", t("tables.locked")),
    column("order_margin", t("tables.in_orders")),
    column("position_margin", t("tables.in_positions")),
    column("equity", t("tables.equity")),
    {
      key: "unrealised_pnl",
      head: t("tables.unrealised"),
      numeric: true,
      optional: true,
      sort: (coin) => numeric(coin.unrealised_pnl),
      cell: (coin) => <Signed value={coin.unrealised_pnl} language={language} />,
    },
    {
      key: "usd_value",
      head: t("tables.value"),
      numeric: true,
      wide: true,
      sort: (coin) => numeric(coin.usd_value),
      cell: (coin) => (coin.usd_value === null ? UNKNOWN : `≈ ${amount(coin.usd_value, language)}`),
    },
  ];
  const hidden = coins.length - coins.filter((coin) => !isDust(coin)).length;
  return (
    <>
      <DataTable
        name="balances"
        label={label}
        columns={columns}
        rows={shown}
        keyOf={(coin) => coin.coin}
        rowTestId="balance-row"
        rowData={(coin) => ({ "data-coin": coin.coin })}
      />
      {hidden > 0 && (
        <label className="tick table-note">
          <input type="checkbox" checked={dust} data-testid="balances-dust" onChange={(event) => showDust(event.target.checked)} />
          {t("tables.dust", { count: hidden })}
        </label>
      )}
    </>
  );
}

/** Coins differ by a million times in worth: small amounts keep their digits, large ones two. */
function coinAmount(value: string | null, language: Language): string {
  if (value === null) return UNKNOWN;
  const digits = new Big(value).abs();
  if (digits.eq(0)) return fixed("0", 2, language);
  return fixed(value, digits.gte(1000) ? 2 : Math.min(8, Math.max(2, decimalsOf(new Big(value).toFixed()))), language);
}
