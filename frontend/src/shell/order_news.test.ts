import { expect, it } from "vitest";
import { anAccount, anOrder } from "../api/fixtures";
import type { AccountSnapshot, Order } from "../api/types";
import { fromSnapshot } from "../stream/account";
import { newsOf } from "./order_news";

const SNAPSHOT: AccountSnapshot = {
  account: anAccount(),
  orders: [anOrder({ id: "entry", source: "bot", run_id: "r1" }), anOrder({ id: "hand" })],
  positions: [],
  fills: [],
  balances: { total_equity: "1", total_available: "1", coins: [], updated_ms: 0 },
};
const status = (change: Partial<Order>): string | null => newsOf(fromSnapshot(1, SNAPSHOT), { kind: "order", order: anOrder({ version: 2, ...change }) })?.status ?? null;

it("tells what became of orders by hand, and of a bot's own only trouble: it may place hundreds a day", () => {
  expect(status({ id: "hand", status: "filled", filled_quantity: "1" })).toBe("filled");
  expect(status({ id: "entry", source: "bot", run_id: "r1", status: "filled", filled_quantity: "1" })).toBeNull();
  expect(status({ id: "new", source: "bot", run_id: "r1", status: "acknowledged" })).toBeNull();
  expect(status({ id: "entry", source: "bot", run_id: "r1", status: "rejected" })).toBe("rejected");
  expect(status({ id: "new", source: "bot", run_id: "r1", status: "unknown" })).toBe("unknown");
});

it("counts the stop that came with a bot's entry as the bot's", () => {
  expect(status({ id: "stop", source: "attached", parent_order_id: "entry", status: "waiting_trigger" })).toBeNull();
  expect(status({ id: "stop", source: "attached", parent_order_id: "hand", status: "waiting_trigger" })).toBe("acknowledged");
});
