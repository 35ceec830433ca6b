/**
 * Which changes of orders are told: accepted, filled, turned down.
 *
 * Lives here: the comparison of an order before and after a change. A snapshot is not an event and tells nothing.
 */
import type { Fill, Order, OrderStatus } from "../api/types";
import type { AccountState } from "../stream/account";
import type { AccountDelta } from "../stream/protocol";

export type OrderNews = { readonly order: Order; readonly status: OrderStatus };

const TOLD: ReadonlySet<OrderStatus> = new Set([
  "acknowledged",
  "partially_filled",
  "filled",
  "cancelled",
  "expired",
  "rejected",
  "refused",
  "not_sent",
  "not_placed",
  "unknown",
]);

/** What nobody may miss, whoever asked for it. */
const TROUBLE: ReadonlySet<OrderStatus> = new Set(["rejected", "refused", "unknown"]);

/**
 * The news in one change, or null. An order that is `working` at once was accepted all the same.
 *
 * What a bot does is told on the page of its run: of its orders, and of the stops that came with them, only trouble is
 * news here. A bot may place hundreds a day.
 */
export function newsOf(before: AccountState, delta: AccountDelta): OrderNews | null {
  if (delta.kind !== "order" || before.phase !== "live") return null;
  const { order } = delta;
  const known = before.data.orders.get(order.id);
  if (known !== undefined && (known.version > order.version || !changed(known, order))) return null;
  if (isOfBot(before.data.orders, order) && !TROUBLE.has(order.status)) return null;
  const first = known === undefined || known.status === "sending" || known.status === "unknown";
  if (first && (order.status === "working" || order.status === "waiting_trigger")) return { order, status: "acknowledged" };
  return TOLD.has(order.status) ? { order, status: order.status } : null;
}

function isOfBot(orders: ReadonlyMap<string, Order>, order: Order): boolean {
  if (order.run_id !== null || order.source === "bot") return true;
  return order.parent_order_id !== null && orders.get(order.parent_order_id)?.run_id != null;
}

function changed(known: Order, order: Order): boolean {
  return known.status !== order.status || known.filled_quantity !== order.filled_quantity;
}

/** The price to tell of a fill: the order's average, else the fill's own. */
export function toldPrice(order: Order, fills: readonly Fill[]): string | null {
  return order.average_price ?? fills.find((fill) => fill.order_id === order.id)?.price ?? order.price;
}
