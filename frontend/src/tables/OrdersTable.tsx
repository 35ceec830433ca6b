/** Orders: those that live, and those that ended, in the same columns. */
import { useState } from "react";
import type { Instrument, Order } from "../api/types";
import { stepped, UNKNOWN } from "../format/number";
import { useWords } from "../i18n/useWords";
import { orderSentence } from "../i18n/sentences";
import type { Words } from "../i18n/words";
import { filledPercent } from "../status/filled";
import { StatusChip } from "../status/StatusChip";
import { isCancellable, isTerminal } from "../status/table";
import { useNow } from "../stream/hooks";
import { AmendDialog } from "./actions/Amend";
import { SideCell, SourceCell, SymbolCell, TimeCell } from "./cells";
import { CancelButton } from "./CancelButton";
import { DataTable, numeric, type Column } from "./DataTable";
import { OrderDialog } from "./OrderDialog";
import type { Cancelling } from "./useCancel";

export type FindInstrument = (row: { category: string; symbol: string }) => Instrument | null;

type Props = {
  readonly name: "orders" | "history";
  readonly label: string;
  readonly orders: readonly Order[];
  readonly find: FindInstrument;
  readonly cancelling: Cancelling | null;
  /** Null: cancelling is possible; else why it is not. */
  readonly cancelBlock: string | null;
  /** Null: orders may be changed; else why not. */
  readonly amendBlock: string | null;
  readonly onOlder?: (() => void) | undefined;
  readonly olderPending?: boolean;
};

export function OrdersTable({ name, label, orders, find, cancelling, cancelBlock, amendBlock, onOlder, olderPending = false }: Props) {
  const { t, language } = useWords();
  const now = useNow(60_000);
  const [openId, setOpenId] = useState<string | null>(null);
  const [amendId, setAmendId] = useState<string | null>(null);
  const open = orders.find((order) => order.id === openId) ?? null;
  const amending = orders.find((order) => order.id === amendId) ?? null;
  const amendable = amending === null || isTerminal(amending.status) ? null : find(amending);
  const shownOrder = (order: Order): Order => {
    if (cancelling === null || !cancelling.asking.has(order.id) || !isCancellable(order.status)) return order;
    const cancel = cancelling.checking.has(order.id) ? { intent_id: order.id, state: "unknown" as const } : order.cancel;
    return { ...order, status: "cancel_requested", cancel };
  };
  const price = (order: Order, value: string | null): string =>
    value === null ? UNKNOWN : stepped(value, find(order)?.tick_size ?? value, language);

  const columns: Column<Order>[] = [
    { key: "time", head: t("tables.time"), optional: true, sort: (order) => order.created_ms, cell: (order) => <TimeCell ms={order.created_ms} now={now} /> },
    { key: "symbol", head: t("tables.symbol"), wide: true, sort: (order) => order.symbol, cell: (order) => <SymbolCell row={order} /> },
    { key: "side", head: t("tables.side"), wide: true, sort: (order) => order.side, cell: (order) => <SideCell side={order.side} /> },
    { key: "type", head: t("tables.type"), optional: true, sort: (order) => typeText(t, order), cell: (order) => typeText(t, order) },
    {
      key: "price",
      head: t("tables.price_trigger"),
      numeric: true,
      wide: true,
      sort: (order) => numeric(order.price ?? order.trigger?.price),
      cell: (order) => <Price order={order} price={price} />,
    },
    {
      key: "quantity",
      head: t("tables.quantity"),
      numeric: true,
      wide: true,
      sort: (order) => numeric(order.quantity),
      cell: (order) => quantityText(order, find(order), language),
    },
    {
      key: "filled",
      head: t("tables.filled"),
      numeric: true,
      optional: true,
      sort: filledPercent,
      cell: (order) => <Filled order={order} find={find} />,
    },
    {
      key: "status",
      head: t("tables.status"),
      wide: true,
      sort: (order) => order.status,
      cell: (order) => (
        <button type="button" className="chip-button" aria-haspopup="dialog" onClick={() => setOpenId(order.id)}>
          <StatusChip order={shownOrder(order)} />
        </button>
      ),
    },
    {
      key: "tif",
      head: t("tables.tif"),
      optional: true,
      sort: (order) => order.time_in_force,
      cell: (order) => (order.time_in_force === "PostOnly" ? "Post-only" : order.time_in_force),
    },
    { key: "flags", head: t("tables.flags"), optional: true, cell: (order) => <Flags order={order} /> },
    {
      key: "exits",
      head: t("tables.exits"),
      numeric: true,
      optional: true,
      cell: (order) =>
        order.take_profit === null && order.stop_loss === null ? (
          <span className="muted">{UNKNOWN}</span>
        ) : (
          `${price(order, order.take_profit)} / ${price(order, order.stop_loss)}`
        ),
    },
    { key: "source", head: t("tables.source"), optional: true, sort: (order) => order.source, cell: (order) => <SourceCell source={order.source} /> },
  ];
  if (cancelling !== null) {
    columns.push({
      key: "actions",
      head: t("tables.actions"),
      cell: (order) => {
        const busy = cancelling.asking.has(order.id);
        // Still asking, but the stream was quicker with the end of the order.
        if (!isCancellable(order.status) && (!busy || isTerminal(order.status))) return null;
        const sentence = orderSentence(t, order, find(order), language);
        return (
          <span className="row">
            {mayChange(order) && (
              <button
                type="button"
                className="button small"
                data-testid="order-amend"
                aria-haspopup="dialog"
                aria-label={t("actions.amend_order", { sentence })}
                aria-disabled={find(order) === null}
                onClick={() => find(order) !== null && setAmendId(order.id)}
              >
                {t("actions.amend")}
              </button>
            )}
            <CancelButton
              label={t("tables.cancel_order", { sentence })}
              busy={busy}
              block={cancelBlock}
              onCancel={() => cancelling.cancel(order)}
            />
          </span>
        );
      },
    });
  }

  return (
    <>
      <DataTable
        name={name}
        label={label}
        columns={columns}
        rows={orders}
        keyOf={(order) => order.id}
        rowTestId="order-row"
        rowData={(order) => ({ "data-order-id": order.id, "data-row-status": order.status, "data-source": order.source })}
        onOlder={onOlder}
        olderPending={olderPending}
      />
      {open !== null && <OrderDialog order={shownOrder(open)} instrument={find(open)} onClose={() => setOpenId(null)} />}
      {amending !== null && amendable !== null && (
        <AmendDialog key={amending.id} order={amending} instrument={amendable} block={amendBlock} onClose={() => setAmendId(null)} />
      )}
    </>
  );
}

/** An order that the exchange holds and nobody is taking away. What it made itself for a position is changed there. */
function mayChange(order: Order): boolean {
  const held = order.status === "waiting_trigger" || order.status === "working" || order.status === "partially_filled";
  return held && order.source !== "attached";
}

function typeText(t: Words, order: Order): string {
  const plain = order.order_type === "Limit" ? t("tables.type_limit") : t("tables.type_market");
  switch (order.stop_order_type) {
    case "TakeProfit":
    case "PartialTakeProfit":
      return t("tables.type_take_profit");
    case "StopLoss":
    case "PartialStopLoss":
      return t("tables.type_stop_loss");
    case "TrailingStop":
      return t("tables.type_trailing");
    default:
      if (order.trigger === null) return plain;
      return order.order_type === "Limit" ? t("tables.type_stop_limit") : t("tables.type_stop_market");
  }
}

function Price({ order, price }: { order: Order; price: (order: Order, value: string | null) => string }) {
  const { t } = useWords();
  const limit = order.price === null ? t("tables.market_price") : price(order, order.price);
  if (order.trigger === null) return limit;
  const words = { price: price(order, order.trigger.price), by: t(`actions.by_${order.trigger.by}`) };
  return (
    <span title={order.trigger.rises ? t("tables.trigger_rises", words) : t("tables.trigger_falls", words)}>
      {limit}{" "}
      <span className="muted">
        {order.trigger.rises ? "≥" : "≤"} {words.price}
      </span>
    </span>
  );
}

function quantityText(order: Order, instrument: Instrument | null, language: "en" | "ru"): string {
  if (order.quantity_unit === "quote") return `${stepped(order.quantity, instrument?.tick_size ?? order.quantity, language)} ${instrument?.quote_coin ?? ""}`.trim();
  return stepped(order.quantity, instrument?.quantity_step ?? order.quantity, language);
}

function Filled({ order, find }: { order: Order; find: FindInstrument }) {
  const { language } = useWords();
  const percent = filledPercent(order);
  if (percent === 0 && !/[1-9]/.test(order.filled_quantity)) return <span className="muted">{UNKNOWN}</span>;
  const instrument = find(order);
  return (
    <span className="filled">
      {percent > 0 && <progress className="filled-bar" max={100} value={percent} aria-hidden="true" />}
      {stepped(order.filled_quantity, instrument?.quantity_step ?? order.filled_quantity, language)}
      {percent > 0 && percent < 100 && <span className="muted"> {percent} %</span>}
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
