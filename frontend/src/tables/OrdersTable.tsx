/** Orders: those that live, and those that ended, in the same columns. */
import { useState } from "react";
import type { Instrument, Order } from "../api/types";
import { share, stepped, UNKNOWN } from "../format/number";
import { useWords } from "../i18n/useWords";
import { orderSentence } from "../i18n/sentences";
import { StatusChip } from "../status/StatusChip";
import { isCancellable, isTerminal } from "../status/table";
import { useNow } from "../stream/hooks";
import { SideCell, SourceCell, TimeCell } from "./cells";
import { CancelButton } from "./CancelButton";
import { DataTable, type Column } from "./DataTable";
import { OrderDialog } from "./OrderDialog";
import type { Cancelling } from "./useCancel";

export type FindInstrument = (row: { category: string; symbol: string }) => Instrument | null;

type Props = {
  readonly label: string;
  readonly orders: readonly Order[];
  readonly find: FindInstrument;
  readonly cancelling: Cancelling | null;
  /** Null: cancelling is possible; else why it is not. */
  readonly cancelBlock: string | null;
  readonly onOlder?: (() => void) | undefined;
  readonly olderPending?: boolean;
};

export function OrdersTable({ label, orders, find, cancelling, cancelBlock, onOlder, olderPending = false }: Props) {
  const { t, language } = useWords();
  const now = useNow(60_000);
  const [openId, setOpenId] = useState<string | null>(null);
  const open = orders.find((order) => order.id === openId) ?? null;
  const shownOrder = (order: Order): Order =>
    cancelling?.asking.has(order.id) && isCancellable(order.status) ? { ...order, status: "cancel_requested" } : order;
  const priceText = (order: Order): string =>
    order.price === null ? t("tables.market_price") : stepped(order.price, find(order)?.tick_size ?? order.price, language);

  const columns: Column<Order>[] = [
    { key: "time", head: t("tables.time"), cell: (order) => <TimeCell ms={order.created_ms} now={now} /> },
    { key: "symbol", head: t("tables.symbol"), wide: true, cell: (order) => <strong>{order.symbol}</strong> },
    { key: "side", head: t("tables.side"), cell: (order) => <SideCell side={order.side} /> },
    {
      key: "type",
      head: t("tables.type"),
      cell: (order) => (order.order_type === "Limit" ? t("tables.type_limit") : t("tables.type_market")),
    },
    { key: "price", head: t("tables.price"), numeric: true, cell: priceText },
    {
      key: "quantity",
      head: t("tables.quantity"),
      numeric: true,
      cell: (order) => stepped(order.quantity, find(order)?.quantity_step ?? order.quantity, language),
    },
    { key: "filled", head: t("tables.filled"), numeric: true, cell: (order) => <Filled order={order} find={find} /> },
    {
      key: "status",
      head: t("tables.status"),
      wide: true,
      cell: (order) => (
        <button type="button" className="chip-button" aria-haspopup="dialog" onClick={() => setOpenId(order.id)}>
          <StatusChip order={shownOrder(order)} />
        </button>
      ),
    },
    { key: "tif", head: t("tables.tif"), cell: (order) => (order.time_in_force === "PostOnly" ? "Post-only" : order.time_in_force) },
    { key: "flags", head: t("tables.flags"), cell: (order) => <Flags order={order} /> },
    { key: "source", head: t("tables.source"), cell: (order) => <SourceCell source={order.source} /> },
  ];
  if (cancelling !== null) {
    columns.push({
      key: "actions",
      head: t("tables.actions"),
      cell: (order) => {
        const busy = cancelling.asking.has(order.id);
        // Still asking, but the stream was quicker with the end of the order.
        if (!isCancellable(order.status) && (!busy || isTerminal(order.status))) return null;
        return (
          <CancelButton
            label={t("tables.cancel_order", { sentence: orderSentence(t, order, find(order), language) })}
            busy={busy}
            block={cancelBlock}
            onCancel={() => cancelling.cancel(order)}
          />
        );
      },
    });
  }

  return (
    <>
      <DataTable
        label={label}
        columns={columns}
        rows={orders}
        keyOf={(order) => order.id}
        rowTestId="order-row"
        rowData={(order) => ({ "data-order-id": order.id, "data-row-status": order.status })}
        onOlder={onOlder}
        olderPending={olderPending}
      />
      {open !== null && <OrderDialog order={shownOrder(open)} instrument={find(open)} onClose={() => setOpenId(null)} />}
    </>
  );
}

function Filled({ order, find }: { order: Order; find: FindInstrument }) {
  const { language } = useWords();
  const percent = share(order.filled_quantity, order.quantity);
  if (percent === 0 && !/[1-9]/.test(order.filled_quantity)) return <span className="muted">{UNKNOWN}</span>;
  const instrument = find(order);
  return (
    <span>
      {stepped(order.filled_quantity, instrument?.quantity_step ?? order.filled_quantity, language)}
      {order.average_price !== null && (
        <span className="muted"> @ {stepped(order.average_price, instrument?.tick_size ?? order.average_price, language)}</span>
      )}
    </span>
  );
}

function Flags({ order }: { order: Order }) {
  const { t } = useWords();
  const flags = [
    ...(order.reduce_only ? [{ name: t("tables.flag_ro"), hint: t("tables.flag_ro_hint") }] : []),
    ...(order.time_in_force === "PostOnly" ? [{ name: t("tables.flag_po"), hint: t("tables.flag_po_hint") }] : []),
  ];
  if (flags.length === 0) return <span className="muted">{UNKNOWN}</span>;
  return (
    <span className="row">
      {flags.map((flag) => (
        <abbr key={flag.name} title={flag.hint}>
          {flag.name}
        </abbr>
      ))}
    </span>
  );
}
