/** How much of an order is filled, in whole percent. */
import Big from "big.js";
import type { Order } from "../api/types";
import { share } from "../format/number";

type Counted = Pick<Order, "quantity" | "filled_quantity"> & Partial<Pick<Order, "quantity_unit" | "average_price">>;

/** Rounded down. Of an order that names an amount, the worth of what was filled is what counts; unknown is none. */
export function filledPercent(order: Counted): number {
  if (order.quantity_unit !== "quote") return share(order.filled_quantity, order.quantity);
  if (order.average_price == null) return 0;
  return Math.min(100, share(new Big(order.filled_quantity).times(order.average_price).toFixed(), order.quantity));
}
