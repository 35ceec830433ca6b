/**
 * One account as the stream tells it: a snapshot, then deltas numbered without a gap.
 *
 * Lives here: the pure steps from one state to the next. Not here: the socket (`connection`), what is announced
 * (`notices`). An order never goes back to an older version, whatever arrives late.
 */
import type { Account, AccountSnapshot, Balances, Fill, Order, Position } from "../api/types";
import { isTerminal } from "../status/table";
import type { AccountDelta } from "./protocol";

export type AccountData = {
  readonly account: Account;
  readonly orders: ReadonlyMap<string, Order>;
  readonly positions: ReadonlyMap<string, Position>;
  readonly fills: readonly Fill[];
  readonly balances: Balances | null;
};

export type AccountState =
  | { readonly phase: "loading" }
  | { readonly phase: "failed"; readonly code: string }
  | { readonly phase: "live"; readonly seq: number; readonly data: AccountData }
  | { readonly phase: "resyncing"; readonly seq: number; readonly data: AccountData };

export type Step =
  | { readonly kind: "applied"; readonly state: AccountState }
  | { readonly kind: "duplicate" }
  | { readonly kind: "gap"; readonly state: AccountState };

const ENDED_ORDERS_KEPT = 500;
const FILLS_KEPT = 500;

export function fromSnapshot(seq: number, snapshot: AccountSnapshot): AccountState {
  return {
    phase: "live",
    seq,
    data: {
      account: snapshot.account,
      orders: new Map(snapshot.orders.map((order) => [order.id, order])),
      positions: new Map(snapshot.positions.map((position) => [positionKey(position), position])),
      fills: [...snapshot.fills].sort((a, b) => b.time_ms - a.time_ms),
      balances: snapshot.balances,
    },
  };
}

/** The next state, or the finding that a delta is missing: the data then stays as it is until a snapshot replaces it. */
export function step(state: AccountState, seq: number, delta: AccountDelta): Step {
  if (state.phase !== "live") return { kind: "duplicate" };
  if (seq <= state.seq) return { kind: "duplicate" };
  if (seq > state.seq + 1) return { kind: "gap", state: { ...state, phase: "resyncing" } };
  return { kind: "applied", state: { phase: "live", seq, data: applied(state.data, delta) } };
}

function applied(data: AccountData, delta: AccountDelta): AccountData {
  switch (delta.kind) {
    case "order":
      return withOrder(data, delta.order);
    case "fill":
      return {
        ...data,
        // Told once more when its order came after it: then it is known whose it was.
        fills: [delta.fill, ...data.fills.filter((fill) => fill.id !== delta.fill.id)]
          .sort((a, b) => b.time_ms - a.time_ms)
          .slice(0, FILLS_KEPT),
      };
    case "position":
      return { ...data, positions: new Map(data.positions).set(positionKey(delta.position), delta.position) };
    case "balances":
      return { ...data, balances: delta.balances };
    case "session":
      return { ...data, account: delta.account };
    case "drift":
    case "difference": // the list is read by whoever shows it
      return { ...data, account: { ...data.account, drift_count: delta.drift_count } };
    case "protection": // shown with its position; this is its history
    case "ledger": // read by whoever shows the ledger's breaks
      return data;
    default:
      return unknownKind(delta, data);
  }
}

/** Puts in an order unless a newer version of it is there; also used for the answer to our own POST. */
export function withOrder(data: AccountData, order: Order): AccountData {
  const known = data.orders.get(order.id);
  if (known !== undefined && known.version > order.version) return data;
  const orders = new Map(data.orders).set(order.id, order);
  const taken = known === undefined ? foreignRowOf(order, data.orders) : undefined;
  if (taken !== undefined) orders.delete(taken.id);
  const fills = taken === undefined ? data.fills : data.fills.map((fill) => (fill.order_id === taken.id ? { ...fill, order_id: order.id, source: order.source } : fill));
  const ended = [...orders.values()].filter((each) => isTerminal(each.status));
  if (ended.length > ENDED_ORDERS_KEPT) {
    ended.sort((a, b) => a.updated_ms - b.updated_ms);
    for (const old of ended.slice(0, ended.length - ENDED_ORDERS_KEPT)) orders.delete(old.id);
  }
  return { ...data, orders, fills };
}

/**
 * The row under which this order stood while nobody knew whose it was. A stop that worked without the database is
 * written down later: until then its close is told as one from elsewhere, and afterwards under its own id.
 */
function foreignRowOf(order: Order, orders: ReadonlyMap<string, Order>): Order | undefined {
  if (order.source === "external") return undefined;
  const isThis = (other: Order): boolean => {
    if (other.id === order.id || other.source !== "external") return false;
    if (other.exchange_order_id !== null && order.exchange_order_id !== null) return other.exchange_order_id === order.exchange_order_id;
    return other.link_id !== null && other.link_id === order.link_id;
  };
  return [...orders.values()].find(isThis);
}

function positionKey(position: Position): string {
  return `${position.category}:${position.symbol}:${position.position_index}`;
}

// A newer server may send kinds that this page does not know; they take their number and change nothing.
function unknownKind(_delta: never, data: AccountData): AccountData {
  return data;
}
