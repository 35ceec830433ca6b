/** Positions, fills and balances. */
import type { CoinBalance, Fill, Position } from "../api/types";
import { amount, decimalsOf, fixed, percent, signed, signOf, stepped, UNKNOWN, type Language } from "../format/number";
import Big from "big.js";
import { useWords } from "../i18n/useWords";
import { useNow } from "../stream/hooks";
import { SideCell, TimeCell } from "./cells";
import { DataTable, type Column } from "./DataTable";
import type { FindInstrument } from "./OrdersTable";

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
function returnOnMargin(position: Position): string | null {
  const margin = new Big(position.initial_margin || "0");
  if (margin.lte(0)) return null;
  return new Big(position.unrealised_pnl || "0").div(margin).toFixed(6);
}

export function PositionsTable({ label, positions, find }: { label: string; positions: readonly Position[]; find: FindInstrument }) {
  const { t, language } = useWords();
  const price = (position: Position, value: string | null): string => stepped(value, find(position)?.tick_size ?? value ?? undefined, language);
  const columns: Column<Position>[] = [
    { key: "symbol", head: t("tables.symbol"), wide: true, cell: (position) => <strong>{position.symbol}</strong> },
    {
      key: "side",
      head: t("tables.side"),
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
      cell: (position) => stepped(position.size, find(position)?.quantity_step ?? position.size, language),
    },
    { key: "entry", head: t("tables.entry"), numeric: true, cell: (position) => price(position, position.entry_price) },
    { key: "mark", head: t("tables.mark"), numeric: true, cell: (position) => price(position, position.mark_price) },
    { key: "liquidation", head: t("tables.liquidation"), numeric: true, cell: (position) => price(position, position.liquidation_price) },
    {
      key: "leverage",
      head: t("tables.leverage"),
      numeric: true,
      cell: ({ leverage }) => (leverage === null ? UNKNOWN : `${fixed(leverage, decimalsOf(leverage), language)}×`),
    },
    { key: "margin", head: t("tables.margin"), numeric: true, cell: (position) => amount(position.initial_margin, language) },
    {
      key: "unrealised",
      head: t("tables.unrealised"),
      numeric: true,
      wide: true,
      cell: (position) => {
        const share = returnOnMargin(position);
        const suffix = share === null ? "" : ` (${percent(share, language)})`;
        return <Signed value={position.unrealised_pnl} language={language} suffix={suffix} />;
      },
    },
    {
      key: "realised",
      head: t("tables.realised"),
      numeric: true,
      cell: (position) => <Signed value={position.realised_pnl} language={language} />,
    },
  ];
  return (
    <DataTable
      label={label}
      columns={columns}
      rows={positions}
      keyOf={(position) => `${position.category}:${position.symbol}:${position.position_index}`}
      rowTestId="position-row"
      rowData={(position) => ({ "data-symbol": position.symbol })}
    />
  );
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
    { key: "time", head: t("tables.time"), cell: (fill) => <TimeCell ms={fill.time_ms} now={now} /> },
    {
      key: "symbol",
      head: t("tables.symbol"),
      wide: true,
      cell: (fill) => (
        <>
          <strong>{fill.symbol}</strong> {fill.exec_type === "Funding" && <span className="muted">{t("tables.kind_funding")}</span>}
        </>
      ),
    },
    { key: "side", head: t("tables.side"), cell: (fill) => <SideCell side={fill.side} /> },
    {
      key: "price",
      head: t("tables.price"),
      numeric: true,
      cell: (fill) => stepped(fill.price, find(fill)?.tick_size ?? fill.price, language),
    },
    {
      key: "quantity",
      head: t("tables.quantity"),
      numeric: true,
      cell: (fill) => stepped(fill.quantity, find(fill)?.quantity_step ?? fill.quantity, language),
    },
    {
      key: "fee",
      head: t("tables.fee"),
      numeric: true,
      cell: (fill) => `${fixed(fill.fee, Math.min(8, Math.max(2, decimalsOf(fill.fee))), language)} ${fill.fee_coin}`,
    },
    { key: "role", head: t("tables.role"), cell: (fill) => (fill.is_maker ? t("tables.maker") : t("tables.taker")) },
    {
      key: "order",
      head: t("tables.order_id"),
      cell: (fill) => <span className="code short">{(fill.order_id ?? fill.exchange_order_id).slice(-8)}</span>,
    },
  ];
  return (
    <DataTable
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

export function BalancesTable({ label, coins }: { label: string; coins: readonly CoinBalance[] }) {
  const { t, language } = useWords();
  const column = (key: keyof CoinBalance, head: string): Column<CoinBalance> => ({
    key,
    head,
    numeric: true,
    cell: (coin) => amount(coin[key], language),
  });
  const columns: Column<CoinBalance>[] = [
    { key: "coin", head: t("tables.coin"), wide: true, cell: (coin) => <strong>{coin.coin}</strong> },
    column("wallet_balance", t("tables.wallet")),
    column("equity", t("tables.equity")),
    column("order_margin", t("tables.in_orders")),
    column("position_margin", t("tables.in_positions")),
    {
      key: "unrealised_pnl",
      head: t("tables.unrealised"),
      numeric: true,
      wide: true,
      cell: (coin) => <Signed value={coin.unrealised_pnl} language={language} />,
    },
  ];
  return (
    <DataTable
      label={label}
      columns={columns}
      rows={coins}
      keyOf={(coin) => coin.coin}
      rowTestId="balance-row"
      rowData={(coin) => ({ "data-coin": coin.coin })}
    />
  );
}
