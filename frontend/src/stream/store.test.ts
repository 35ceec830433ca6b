import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { aFill, anAccount, anOrder, aTicker } from "../api/fixtures";
import type { AccountSnapshot, Book, Candle, Environment, Fill, Order } from "../api/types";
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

const order = anOrder;
const fill = (id: string, time_ms: number): Fill => aFill({ id, time_ms });
const snapshot = (orders: Order[]): AccountSnapshot => ({
  account: anAccount(),
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

  it("books a fill once, however often it is told, as it was told last", () => {
    delta(11, { kind: "fill", fill: fill("f1", 5) });
    delta(12, { kind: "fill", fill: { ...fill("f1", 5), source: "attached" } });
    expect(live().data.fills.map(({ source }) => source)).toEqual(["attached"]);
  });

  it.each([
    ["by its id at the exchange", { exchange_order_id: "e9", link_id: "tw9" }],
    ["by its client id while it is not told with another", { exchange_order_id: null, link_id: "tw9" }],
  ])("keeps one row of an order that was told as foreign and is known as ours since: %s", (_by, named) => {
    delta(11, { kind: "order", order: order({ id: "x", source: "external", status: "filled", exchange_order_id: "e9", link_id: "tw9", version: 3 }) });
    delta(12, { kind: "fill", fill: aFill({ id: "f9", order_id: "x", source: "external" }) });
    delta(13, { kind: "order", order: order({ id: "k", source: "kill", status: "sending", version: 1, ...named }) });
    expect([...live().data.orders.keys()]).toEqual(["o1", "k"]);
    expect(live().data.fills).toMatchObject([{ id: "f9", order_id: "k", source: "kill" }]);
  });

  it("keeps a foreign order beside one of ours when nothing says that they are the same", () => {
    delta(11, { kind: "order", order: order({ id: "x", source: "external", exchange_order_id: "e8", link_id: null }) });
    delta(12, { kind: "order", order: order({ id: "y", source: "external", exchange_order_id: "e7", link_id: "tw9" }) });
    delta(13, { kind: "order", order: order({ id: "k", source: "kill", exchange_order_id: "e9", link_id: "tw9" }) });
    delta(14, { kind: "order", order: order({ id: "z", source: "manual", exchange_order_id: null, link_id: null }) });
    expect([...live().data.orders.keys()]).toEqual(["o1", "x", "y", "k", "z"]);
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
  const quote = (last_price: string) => aTicker({ last_price });

  it("are passed on at most ten times a second, the newest each time", () => {
    store.hold("ticker:sim:linear:BTCUSDT");
    let painted = 0;
    store.quote("sim:linear:BTCUSDT").subscribe(() => (painted += 1));
    for (let tick = 0; tick < 50; tick += 1) {
      delta(tick + 1, quote(String(tick)), "ticker:sim:linear:BTCUSDT");
      vi.advanceTimersByTime(10);
    }
    vi.advanceTimersByTime(FLUSH_MS);
    expect(painted).toBeLessThanOrEqual(6);
    expect(store.quote("sim:linear:BTCUSDT").get()?.ticker.last_price).toBe("49");
  });
});

describe("candles", () => {
  const candle: Candle = [60_000, "1", "2", "0.5", "1.5", "3", "4", false];

  it("reach their listener, and a missing number or a new connection asks to read again", () => {
    const onCandle = vi.fn();
    const onResync = vi.fn();
    const topic = "candle:sim:linear:BTCUSDT:1";
    store.onCandles("sim:linear:BTCUSDT:1", { onCandle, onResync });
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

describe("a market's book", () => {
  const book = (bid: string): Book => ({ category: "spot", symbol: "BTCUSDT", bids: [[bid, "1"]], asks: [], exchange_time_ms: 0 });

  it("is the newest, ten times a second at most, and forgotten when nobody holds it", () => {
    const release = store.hold("book:sim:spot:BTCUSDT");
    let painted = 0;
    store.book("sim:spot:BTCUSDT").subscribe(() => (painted += 1));
    says({ type: "snapshot", topic: "book:sim:spot:BTCUSDT", seq: 1, data: book("1") });
    delta(2, book("2"), "book:sim:spot:BTCUSDT");
    vi.advanceTimersByTime(FLUSH_MS);
    expect([store.book("sim:spot:BTCUSDT").get()?.book.bids, painted]).toEqual([[["2", "1"]], 1]);
    release();
    expect(store.book("sim:spot:BTCUSDT").get()).toBeNull();
  });

  it("has its newest hundred trades beside it", () => {
    const trade = (id: number) => ({ id: String(id), side: "Buy", price: "1", quantity: "1", time_ms: id });
    store.hold("trades:sim:spot:BTCUSDT");
    says({ type: "snapshot", topic: "trades:sim:spot:BTCUSDT", seq: 1, data: [trade(1), trade(2)] });
    for (let id = 3; id <= 120; id += 1) delta(id - 1, [trade(id)], "trades:sim:spot:BTCUSDT");
    const kept = store.trades("sim:spot:BTCUSDT").get();
    expect([kept.length, kept[0]?.id, kept.at(-1)?.id]).toEqual([100, "21", "120"]);
  });
});

describe("the exchanges behind the server", () => {
  const link = (health: string) => ({
    state: health,
    last_frame_age_ms: 7,
    reason: health === "down" ? { code: "link.closed", params: {}, detail: "maintenance" } : null,
  });
  const beat = (exchanges: Partial<Record<Environment, { state: string; market: number | null }>>): void =>
    says({
      type: "heartbeat",
      server_time_ms: Date.now() + 250,
      exchanges: Object.fromEntries(
        Object.entries(exchanges).map(([name, each]) => [name, { link: link(each.state), market_now_ms: each.market }]),
      ),
    });

  it("are known by heartbeats, each environment for itself, with the time of its change", () => {
    beat({ sim: { state: "live", market: null }, demo: { state: "live", market: null } });
    const since = Date.now();
    vi.advanceTimersByTime(5000);
    beat({ sim: { state: "live", market: null }, demo: { state: "down", market: null } });
    vi.advanceTimersByTime(5000);
    beat({ sim: { state: "live", market: null }, demo: { state: "down", market: null } });
    expect(store.exchange("sim").get()).toMatchObject({ state: "live", sinceMs: since });
    expect(store.exchange("demo").get()).toMatchObject({ state: "down", sinceMs: since + 5000, health: { reason: { detail: "maintenance" } } });
    expect(store.clocks("demo").get()?.serverOffsetMs).toBe(250);
  });

  it("are unheard once no account is in their environment any more", () => {
    beat({ sim: { state: "live", market: null }, demo: { state: "live", market: null } });
    beat({ sim: { state: "live", market: null } });
    expect([store.exchange("sim").get().state, store.exchange("demo").get().state]).toEqual(["live", "unheard"]);
  });

  it("have clocks whose speed is measured between heartbeats", () => {
    beat({ sim: { state: "live", market: 1_000_000 } });
    vi.advanceTimersByTime(5000);
    beat({ sim: { state: "live", market: 1_300_000 } });
    expect(store.clocks("sim").get()).toMatchObject({ marketNowMs: 1_300_000, marketSpeed: 60 });
  });
});

it("drops market data after a minute in a hidden tab, keeps private events, and asks anew when shown", () => {
  store.hold("ticker:sim:linear:BTCUSDT");
  socket.sent.length = 0;
  store.setHidden(true);
  vi.advanceTimersByTime(5000);
  says({ type: "error", code: "x", topic: null });
  expect(socket.sent).toEqual([]);
  for (let waited = 0; waited < 60_000; waited += 5000) {
    vi.advanceTimersByTime(5000);
    says({ type: "error", code: "x", topic: null });
  }
  expect(socket.sent).toEqual([{ op: "unsubscribe", topics: ["ticker:sim:linear:BTCUSDT"] }]);
  store.setHidden(false);
  expect(socket.sent.at(-1)).toEqual({ op: "subscribe", topics: ["ticker:sim:linear:BTCUSDT"], resume: {} });
});
