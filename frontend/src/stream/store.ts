/**
 * What this tab knows from the stream, outside React and by key, so that a tick repaints one number and not the page.
 *
 * Lives here: accounts, tickers, books, trades and candles in passing, the health of the links, the clocks.
 * Not here: the socket's life (`connection`), pure account steps (`account`), runs of bots (`runs`, `bots/run/tape`), which
 * listen here, React (`hooks`).
 * Quotes and books are flushed at most ten times a second; what concerns orders is passed on at once.
 * Every environment has a market, a link to its exchange and a clock of its own.
 */
import type { AccountSnapshot, Book, Candle, Environment, Order, PublicTrade, Ticker } from "../api/types";
import type { NotificationStanding } from "../api/notifications";
import { fromSnapshot, step, withOrder, type AccountState } from "./account";
import { Connection, type ConnectionPorts } from "./connection";
import {
  topicOf,
  type AccountDelta,
  type ExchangeHealth,
  type Heartbeat,
  type Message,
  type SessionMessage,
  type TopicMessage,
} from "./protocol";
import { Signal, type Readable } from "./signal";

export type Exchange =
  | { readonly state: "unheard" }
  | { readonly state: ExchangeHealth["state"]; readonly sinceMs: number; readonly heardAtMs: number; readonly health: ExchangeHealth };

export type Clocks = {
  /** Server time minus this browser's, in ms. */
  readonly serverOffsetMs: number;
  /** Market time at `heardAtMs`, when the market runs on a clock of its own, and how fast it ran lately. */
  readonly marketNowMs: number | null;
  readonly marketSpeed: number;
  readonly heardAtMs: number;
};

export type Quote = { readonly ticker: Ticker; readonly receivedAtMs: number; readonly changedAtMs: number };
/** `null`: nothing is known, or the link broke and what was known counts no more. */
export type BookView = { readonly book: Book; readonly receivedAtMs: number };
export type CandleListener = { readonly onCandle: (candle: Candle) => void; readonly onResync: () => void };
/** Of a topic that somebody else keeps: `resumeFrom` is the last number it knows, null when it wants a snapshot. */
export type TopicListener = {
  readonly onMessage: (message: TopicMessage) => void;
  readonly onFailed: (code: string) => void;
  readonly resumeFrom: () => number | null;
};
export type AccountListener = (accountId: string, before: AccountState, delta: AccountDelta) => void;

export const FLUSH_MS = 100;
const HIDDEN_MS = 60_000;
const TRADES_KEPT = 100;

export class StreamStore {
  readonly connection: Connection;
  readonly #exchanges = new Map<Environment, Signal<Exchange>>();
  readonly #clocks = new Map<Environment, Signal<Clocks | null>>();
  readonly #now: () => number;
  readonly #accounts = new Map<string, Signal<AccountState>>();
  readonly #quotes = new Map<string, Signal<Quote | null>>();
  readonly #pendingQuotes = new Map<string, Quote>();
  readonly #books = new Map<string, Signal<BookView | null>>();
  readonly #pendingBooks = new Map<string, BookView>();
  readonly #trades = new Map<string, Signal<readonly PublicTrade[]>>();
  readonly #candles = new Map<string, Set<CandleListener>>();
  readonly #candleSeq = new Map<string, number>();
  readonly #listeners = new Map<string, TopicListener>();
  readonly #holders = new Map<string, number>();
  readonly #accountListeners = new Set<AccountListener>();
  readonly #news = new Signal<NotificationStanding | null>(null);
  #flush: ReturnType<typeof setTimeout> | null = null;
  #hidden: ReturnType<typeof setTimeout> | null = null;
  #paused = false;

  constructor(ports: ConnectionPorts) {
    this.#now = ports.now;
    this.connection = new Connection(ports, {
      onMessage: (message) => this.#receive(message),
      resumeFrom: (topic) => this.#resumeFrom(topic),
    });
  }

  account(accountId: string): Readable<AccountState> {
    return this.#account(accountId);
  }

  quote(key: string): Readable<Quote | null> {
    return this.#quote(key);
  }

  book(key: string): Readable<BookView | null> {
    return made(this.#books, key, null);
  }

  /** The person's notifications: how many are unread, and the newest. Null until they were told. */
  news(): Readable<NotificationStanding | null> {
    return this.#news;
  }

  /** The newest public trades, newest last. */
  trades(key: string): Readable<readonly PublicTrade[]> {
    return made(this.#trades, key, []);
  }

  /** The server's link to one environment's exchange. */
  exchange(environment: Environment): Readable<Exchange> {
    return made<Environment, Exchange>(this.#exchanges, environment, { state: "unheard" });
  }

  clocks(environment: Environment): Readable<Clocks | null> {
    return made<Environment, Clocks | null>(this.#clocks, environment, null);
  }

  /** Holds a subscription until the returned function is called; several holders share one. */
  hold(topic: string): () => void {
    this.#holders.set(topic, (this.#holders.get(topic) ?? 0) + 1);
    if (!this.#paused || !isMarket(topic)) this.connection.subscribe(topic);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      const left = (this.#holders.get(topic) ?? 1) - 1;
      if (left > 0) this.#holders.set(topic, left);
      else {
        this.#holders.delete(topic);
        this.connection.unsubscribe(topic);
        this.#candleSeq.delete(topic);
        this.#forgetMarket(topic);
      }
    };
  }

  onCandles(key: string, listener: CandleListener): () => void {
    const listeners = this.#candles.get(key) ?? new Set();
    this.#candles.set(key, listeners.add(listener));
    const release = this.hold(`candle:${key}`);
    return () => {
      listeners.delete(listener);
      release();
    };
  }

  /** Holds a topic and hands its messages on until the returned function is called. A topic has one listener. */
  listen(topic: string, listener: TopicListener): () => void {
    this.#listeners.set(topic, listener);
    const release = this.hold(topic);
    return () => {
      if (this.#listeners.get(topic) === listener) this.#listeners.delete(topic);
      release();
    };
  }

  /** Every applied change of an account, for notices; snapshots are not events and are not passed on. */
  onAccountDelta(listener: AccountListener): () => void {
    this.#accountListeners.add(listener);
    return () => this.#accountListeners.delete(listener);
  }

  /** The answer to our own POST, which may be quicker than the stream. */
  putOrder(order: Order): void {
    const signal = this.#account(order.account_id);
    const state = signal.get();
    if (state.phase !== "live") return;
    signal.set({ ...state, data: withOrder(state.data, order) });
    const delta: AccountDelta = { kind: "order", order };
    for (const listener of this.#accountListeners) listener(order.account_id, state, delta);
  }

  /** A hidden tab drops market data after a minute and keeps private events; shown again, it asks anew. */
  setHidden(hidden: boolean): void {
    if (this.#hidden !== null) clearTimeout(this.#hidden);
    this.#hidden = null;
    if (hidden) {
      this.#hidden = setTimeout(() => this.#pauseMarket(), HIDDEN_MS);
    } else if (this.#paused) {
      this.#paused = false;
      for (const topic of this.#marketTopics()) {
        this.connection.subscribe(topic);
        this.#resyncCandles(topic);
      }
    }
  }

  /** Forgets everything of the person who signed out. */
  clear(): void {
    this.connection.stop();
    this.#accounts.clear();
    this.#quotes.clear();
    this.#pendingQuotes.clear();
    this.#candleSeq.clear();
    this.#books.clear();
    this.#pendingBooks.clear();
    this.#trades.clear();
    this.#news.set(null);
    for (const exchange of this.#exchanges.values()) exchange.set({ state: "unheard" });
    for (const clocks of this.#clocks.values()) clocks.set(null);
  }

  /** A book that nobody keeps current is none: the next holder waits for a fresh one. */
  #forgetMarket(topic: string): void {
    const parsed = topicOf(topic);
    if (parsed?.kind === "book") {
      this.#pendingBooks.delete(parsed.key);
      this.#books.get(parsed.key)?.set(null);
    } else if (parsed?.kind === "trades") this.#trades.get(parsed.key)?.set([]);
  }

  #pauseMarket(): void {
    this.#paused = true;
    for (const topic of this.#marketTopics()) this.connection.unsubscribe(topic);
  }

  #marketTopics(): string[] {
    return [...this.#holders.keys()].filter(isMarket);
  }

  #resumeFrom(topic: string): number | null {
    const listener = this.#listeners.get(topic);
    if (listener !== undefined) return listener.resumeFrom();
    const parsed = topicOf(topic);
    if (parsed?.kind === "candle") {
      // Candles count per connection: on a new one the chart reads what it missed over HTTP.
      this.#candleSeq.delete(topic);
      this.#resyncCandles(topic);
    }
    if (parsed?.kind !== "account") return null;
    const state = this.#account(parsed.accountId).get();
    return state.phase === "live" ? state.seq : null;
  }

  #receive(message: Message): void {
    switch (message.type) {
      case "heartbeat":
        this.#heartbeat(message);
        return;
      case "snapshot":
      case "delta":
        this.#topicMessage(message);
        return;
      case "session":
        this.#session(message);
        return;
      case "error":
        this.#failed(message.topic, message.code);
        return;
      default:
        ignoreUnknown(message);
    }
  }

  #heartbeat(beat: Heartbeat): void {
    const heardAtMs = this.#now();
    const known = new Set<string>([...this.#exchanges.keys(), ...this.#clocks.keys(), ...Object.keys(beat.exchanges)]);
    for (const environment of known as Set<Environment>) {
      const told = beat.exchanges[environment];
      const exchange = made<Environment, Exchange>(this.#exchanges, environment, { state: "unheard" });
      const before = exchange.get();
      if (told === undefined) exchange.set({ state: "unheard" });
      else {
        const { state } = told.link;
        const sinceMs = before.state !== "unheard" && before.state === state ? before.sinceMs : heardAtMs;
        exchange.set({ state, sinceMs, heardAtMs, health: told.link });
      }
      const clocks = made<Environment, Clocks | null>(this.#clocks, environment, null);
      clocks.set(clocksAfter(clocks.get(), heardAtMs, beat.server_time_ms, told?.market_now_ms ?? null));
    }
  }

  #topicMessage(message: TopicMessage): void {
    const topic = topicOf(message.topic);
    if (topic === null) return;
    switch (topic.kind) {
      case "account":
        if (message.type === "snapshot") {
          this.#account(topic.accountId).set(fromSnapshot(message.seq, message.data as AccountSnapshot));
        } else {
          this.#accountDelta(message.topic, topic.accountId, message.seq, message.data as AccountDelta);
        }
        return;
      case "notifications":
        this.#news.set(message.data as NotificationStanding);
        return;
      case "ticker":
        this.#ticker(topic.key, message.data as Ticker);
        return;
      case "candle":
        this.#candle(message.topic, topic.key, message.seq, message.type, message.data);
        return;
      case "book":
        this.#pendingBooks.set(topic.key, { book: message.data as Book, receivedAtMs: this.#now() });
        this.#flushSoon();
        return;
      case "trades":
        this.#newTrades(topic.key, message.type, message.data as readonly PublicTrade[]);
        return;
      case "runs":
      case "run":
        this.#listeners.get(message.topic)?.onMessage(message);
        return;
      default:
        ignoreUnknown(topic);
    }
  }

  /** The account's owner came or went. It stands beside the numbered events: the place in them stays. */
  #session(message: SessionMessage): void {
    const topic = topicOf(message.topic);
    if (topic?.kind !== "account") return;
    const signal = this.#account(topic.accountId);
    const state = signal.get();
    if (state.phase !== "live" && state.phase !== "resyncing") return;
    signal.set({ ...state, data: { ...state.data, account: message.account } });
  }

  #accountDelta(topic: string, accountId: string, seq: number, delta: AccountDelta): void {
    const signal = this.#account(accountId);
    const before = signal.get();
    const result = step(before, seq, delta);
    switch (result.kind) {
      case "applied":
        signal.set(result.state);
        for (const listener of this.#accountListeners) listener(accountId, before, delta);
        return;
      case "gap":
        signal.set(result.state);
        this.connection.resubscribe(topic);
        return;
      case "duplicate":
        return;
      default:
        ignoreUnknown(result);
    }
  }

  #ticker(key: string, ticker: Ticker): void {
    const receivedAtMs = this.#now();
    const before = this.#pendingQuotes.get(key) ?? this.#quote(key).get();
    const same = before !== null && before.ticker.last_price === ticker.last_price;
    this.#pendingQuotes.set(key, { ticker, receivedAtMs, changedAtMs: same ? before.changedAtMs : receivedAtMs });
    this.#flushSoon();
  }

  #flushSoon(): void {
    this.#flush ??= setTimeout(() => {
      this.#flush = null;
      const quotes = [...this.#pendingQuotes];
      const books = [...this.#pendingBooks];
      this.#pendingQuotes.clear();
      this.#pendingBooks.clear();
      for (const [each, quote] of quotes) this.#quote(each).set(quote);
      for (const [each, book] of books) made<string, BookView | null>(this.#books, each, null).set(book);
    }, FLUSH_MS);
  }

  #newTrades(key: string, type: "snapshot" | "delta", fresh: readonly PublicTrade[]): void {
    const signal = made<string, readonly PublicTrade[]>(this.#trades, key, []);
    signal.set((type === "snapshot" ? fresh : [...signal.get(), ...fresh]).slice(-TRADES_KEPT));
  }

  #candle(topic: string, key: string, seq: number, type: "snapshot" | "delta", data: unknown): void {
    const last = this.#candleSeq.get(topic);
    this.#candleSeq.set(topic, seq);
    if (type === "delta" && last !== undefined && seq > last + 1) this.#resyncCandles(topic);
    const candles = isCandle(data) ? [data] : Array.isArray(data) ? data.filter(isCandle) : [];
    for (const listener of this.#candles.get(key) ?? []) for (const candle of candles) listener.onCandle(candle);
  }

  #resyncCandles(topic: string): void {
    const parsed = topicOf(topic);
    if (parsed?.kind !== "candle") return;
    for (const listener of this.#candles.get(parsed.key) ?? []) listener.onResync();
  }

  #failed(topic: string | null, code: string): void {
    if (topic !== null) this.#listeners.get(topic)?.onFailed(code);
    const parsed = topic === null ? null : topicOf(topic);
    if (parsed?.kind !== "account") return;
    const signal = this.#account(parsed.accountId);
    if (signal.get().phase === "loading") signal.set({ phase: "failed", code });
  }

  #account(accountId: string): Signal<AccountState> {
    return made<string, AccountState>(this.#accounts, accountId, { phase: "loading" });
  }

  #quote(key: string): Signal<Quote | null> {
    return made<string, Quote | null>(this.#quotes, key, null);
  }
}

/** The signal of a key, made when it is first asked for. */
function made<K, T>(signals: Map<K, Signal<T>>, key: K, first: T): Signal<T> {
  let signal = signals.get(key);
  if (signal === undefined) signals.set(key, (signal = new Signal(first)));
  return signal;
}

function clocksAfter(old: Clocks | null, heardAtMs: number, serverMs: number, marketNowMs: number | null): Clocks {
  const elapsed = old === null ? 0 : heardAtMs - old.heardAtMs;
  const moved = old?.marketNowMs != null && marketNowMs !== null ? marketNowMs - old.marketNowMs : 0;
  const marketSpeed = elapsed > 1000 ? Math.max(0, moved / elapsed) : (old?.marketSpeed ?? 1);
  return { serverOffsetMs: serverMs - heardAtMs, marketNowMs, marketSpeed, heardAtMs };
}

/** What a hidden tab can do without: the rest is private and is kept. */
function isMarket(topic: string): boolean {
  const kind = topicOf(topic)?.kind;
  return kind !== "account" && kind !== "runs" && kind !== "run" && kind !== "notifications";
}

function isCandle(data: unknown): data is Candle {
  return Array.isArray(data) && data.length === 8 && typeof data[0] === "number";
}

function ignoreUnknown(_value: never): void {
  // A newer server may send what this page does not know.
}
