import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { AccountSnapshot, Candle, Fill, Order, Ticker } from "../api/types";
import { newsOf } from "../shell/order_news";
import type { Socket } from "./connection";
import { FLUSH_MS, StreamStore } from "./store";

class FakeSocket implements Socket {
  readonly sent: { op: string; topics: string[]; resume?: Record<string, number> }[] = [];
  onopen: ((event: Event) => void) | null = null;
  onmessage: ((event: MessageEvent) => void) | null = null;
  onclose: ((event: CloseEvent) => void) | null = null;
  send(text: string): void {
    this.sent.push(JSON.parse(text) as (typeof this.sent)[number]);
  }
  close(): void {}
}

const order = (change: Partial<Order>): Order => ({
  id: "o1",
  account_id: "a",
  environment: "sim",
  source: "manual",
  category: "linear",
  symbol: "BTCUSDT",
  side: "Buy",
  order_type: "Limit",
  time_in_force: "GTC",
  quantity: "1",
  price: "100",
  reduce_only: false,
  filled_quantity: "0",
  average_price: null,
  status: "working",
  reason: null,
  link_id: "l",
  exchange_order_id: "e",
  cancel: null,
  valid_until_ms: null,
  note: null,
  created_ms: 1,
  updated_ms: 1,
  version: 1,
  ...change,
});
const fill = (id: string, time_ms: number): Fill => ({
  id,
  account_id: "a",
  category: "linear",
  symbol: "BTCUSDT",
  side: "Buy",
  price: "100",
  quantity: "1",
  fee: "0",
  fee_coin: "USDT",
  is_maker: false,
  exec_type: "Trade",
  order_id: "o1",
  exchange_order_id: "e",
  time_ms,
});
const snapshot = (orders: Order[]): AccountSnapshot => ({
  account: {
    id: "a",
    name: "Simulated",
    environment: "sim",
    exchange: "bybit",
    session: { state: "ready", reason: null, since_ms: 0 },
    drift_count: 0,
  },
  orders,
  positions: [],
  fills: [],
  balances: { total_equity: "1", total_available: "1", coins: [], updated_ms: 0 },
});

let store: StreamStore;
let socket: FakeSocket;
const says = (message: unknown): void => socket.onmessage?.({ data: JSON.stringify(message) } as MessageEvent);
const delta = (seq: number, data: unknown, topic = "account:a"): void => says({ type: "delta", topic, seq, data });
const state = () => store.account("a").get();
const live = () => {
  const now = state();
  if (now.phase !== "live" && now.phase !== "resyncing") throw new Error(`the account is ${now.phase}`);
  return now;
};

beforeEach(() => {
  vi.useFakeTimers();
  store = new StreamStore({ open: () => (socket = new FakeSocket()), now: () => Date.now(), random: () => 0 });
  store.hold("account:a");
  store.connection.start();
  socket.onopen?.({} as Event);
  says({ type: "snapshot", topic: "account:a", seq: 10, data: snapshot([order({})]) });
});
afterEach(() => {
  store.connection.stop();
  vi.useRealTimers();
});

describe("an account", () => {
  it("applies deltas in order and takes each number once", () => {
    delta(11, { kind: "fill", fill: fill("f1", 5) });
    delta(11, { kind: "fill", fill: fill("f2", 6) });
    delta(12, { kind: "order", order: order({ status: "filled", filled_quantity: "1", version: 2 }) });
    expect(live().seq).toBe(12);
    expect(live().data.fills.map(({ id }) => id)).toEqual(["f1"]);
    expect(live().data.orders.get("o1")?.status).toBe("filled");
  });

  it("books a fill once, however often it is told", () => {
    delta(11, { kind: "fill", fill: fill("f1", 5) });
    delta(12, { kind: "fill", fill: fill("f1", 5) });
    expect(live().data.fills).toHaveLength(1);
  });

  it("learns beside the events that its owner is gone, and its place in them stays", () => {
    const reason = { code: "session.no_worker", params: {}, detail: null };
    const account = { ...snapshot([]).account, session: { state: "connecting", reason, since_ms: 5 } };
    says({ type: "session", topic: "account:a", account });
    expect(live()).toMatchObject({ phase: "live", seq: 10, data: { account } });
    delta(11, { kind: "fill", fill: fill("f1", 5) });
    expect(live()).toMatchObject({ seq: 11, data: { account } });
  });

  it("freezes on a missing number, asks for a snapshot, and is replaced by it in one step", () => {
    socket.sent.length = 0;
    delta(12, { kind: "order", order: order({ status: "filled", version: 3 }) });
    expect(state()).toMatchObject({ phase: "resyncing", seq: 10 });
    expect(live().data.orders.get("o1")?.status).toBe("working");
    expect(socket.sent).toEqual([
      { op: "unsubscribe", topics: ["account:a"] },
      { op: "subscribe", topics: ["account:a"], resume: {} },
    ]);
    delta(13, { kind: "fill", fill: fill("f9", 9) });
    expect(live().data.fills).toEqual([]);
    says({ type: "snapshot", topic: "account:a", seq: 13, data: snapshot([order({ status: "filled", version: 3 })]) });
    expect(state()).toMatchObject({ phase: "live", seq: 13 });
    expect(live().data.orders.get("o1")?.status).toBe("filled");
  });

  it("resumes from the last number after a break", () => {
    delta(11, { kind: "fill", fill: fill("f1", 5) });
    socket.onclose?.({ code: 1006 } as CloseEvent);
    vi.advanceTimersByTime(500);
    socket.onopen?.({} as Event);
    expect(socket.sent).toEqual([{ op: "subscribe", topics: ["account:a"], resume: { "account:a": 11 } }]);
    delta(12, { kind: "fill", fill: fill("f2", 6) });
    expect(live().data.fills.map(({ id }) => id)).toEqual(["f2", "f1"]);
  });

  it("never lets an order go back to an older version, by stream or by an answer", () => {
    delta(11, { kind: "order", order: order({ status: "filled", version: 5 }) });
    delta(12, { kind: "order", order: order({ status: "working", version: 4 }) });
    store.putOrder(order({ status: "acknowledged", version: 2 }));
    expect(live().data.orders.get("o1")?.status).toBe("filled");
  });

  it("tells changes as news and a snapshot as none", () => {
    const told: string[] = [];
    store.onAccountDelta((_id, before, change) => {
      const news = newsOf(before, change);
      if (news !== null) told.push(news.status);
    });
    delta(11, { kind: "order", order: order({ id: "o2", status: "sending" }) });
    delta(12, { kind: "order", order: order({ id: "o2", status: "working", version: 2 }) });
    delta(13, { kind: "order", order: order({ id: "o2", status: "partially_filled", filled_quantity: "0.4", version: 3 }) });
    delta(14, { kind: "order", order: order({ id: "o2", status: "partially_filled", filled_quantity: "0.4", version: 4 }) });
    says({ type: "snapshot", topic: "account:a", seq: 15, data: snapshot([order({ status: "filled", version: 9 })]) });
    expect(told).toEqual(["acknowledged", "partially_filled"]);
  });
});

describe("quotes", () => {
  const quote = (last_price: string) => ({ category: "linear", symbol: "BTCUSDT", last_price }) as Ticker;

  it("are passed on at most ten times a second, the newest each time", () => {
    store.hold("ticker:linear:BTCUSDT");
    let painted = 0;
    store.quote("linear:BTCUSDT").subscribe(() => (painted += 1));
    for (let tick = 0; tick < 50; tick += 1) {
      delta(tick + 1, quote(String(tick)), "ticker:linear:BTCUSDT");
      vi.advanceTimersByTime(10);
    }
    vi.advanceTimersByTime(FLUSH_MS);
    expect(painted).toBeLessThanOrEqual(6);
    expect(store.quote("linear:BTCUSDT").get()?.ticker.last_price).toBe("49");
  });
});

describe("candles", () => {
  const candle: Candle = [60_000, "1", "2", "0.5", "1.5", "3", "4", false];

  it("reach their listener, and a missing number or a new connection asks to read again", () => {
    const onCandle = vi.fn();
    const onResync = vi.fn();
    const topic = "candle:linear:BTCUSDT:1";
    store.onCandles("linear:BTCUSDT:1", { onCandle, onResync });
    onResync.mockClear();
    delta(1, candle, topic);
    delta(2, candle, topic);
    expect([onCandle.mock.calls.length, onResync.mock.calls.length]).toEqual([2, 0]);
    delta(5, candle, topic);
    expect(onResync).toHaveBeenCalledTimes(1);
    socket.onclose?.({ code: 1006 } as CloseEvent);
    vi.advanceTimersByTime(500);
    socket.onopen?.({} as Event);
    expect(onResync).toHaveBeenCalledTimes(2);
  });
});

describe("the exchange behind the server", () => {
  const beat = (exchange: string, market: number | null): void =>
    says({
      type: "heartbeat",
      server_time_ms: Date.now() + 250,
      exchange: { state: exchange, last_frame_age_ms: 7, reason: exchange === "down" ? { code: "link.closed", params: {}, detail: "maintenance" } : null },
      market_now_ms: market,
    });

  it("is known by heartbeats, with the time of its change", () => {
    beat("live", null);
    const since = Date.now();
    vi.advanceTimersByTime(5000);
    beat("down", null);
    vi.advanceTimersByTime(5000);
    beat("down", null);
    expect(store.exchange.get()).toMatchObject({ state: "down", sinceMs: since + 5000, health: { reason: { detail: "maintenance" } } });
    expect(store.clocks.get()?.serverOffsetMs).toBe(250);
  });

  it("has a clock whose speed is measured between heartbeats", () => {
    beat("live", 1_000_000);
    vi.advanceTimersByTime(5000);
    beat("live", 1_300_000);
    expect(store.clocks.get()).toMatchObject({ marketNowMs: 1_300_000, marketSpeed: 60 });
  });
});

it("drops market data after a minute in a hidden tab, keeps private events, and asks anew when shown", () => {
  store.hold("ticker:linear:BTCUSDT");
  socket.sent.length = 0;
  store.setHidden(true);
  vi.advanceTimersByTime(5000);
  says({ type: "error", code: "x", topic: null });
  expect(socket.sent).toEqual([]);
  for (let waited = 0; waited < 60_000; waited += 5000) {
    vi.advanceTimersByTime(5000);
    says({ type: "error", code: "x", topic: null });
  }
  expect(socket.sent).toEqual([{ op: "unsubscribe", topics: ["ticker:linear:BTCUSDT"] }]);
  store.setHidden(false);
  expect(socket.sent.at(-1)).toEqual({ op: "subscribe", topics: ["ticker:linear:BTCUSDT"], resume: {} });
});
