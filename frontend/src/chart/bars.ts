/**
 * The bars of one instrument and timeframe: read over HTTP, kept current by the stream, older ones on demand.
 *
 * Lives here: reading, merging and the limits of memory. Not here: drawing (`drawing`), React.
 * A gap in history stays a gap; no bar is made up. Values are decimal strings; the chart alone turns them into points.
 */
import { readCandles } from "../api/calls";
import type { Candle, CandleGap, Category, Environment, Interval } from "../api/types";
import { Signal } from "../stream/signal";
import type { StreamStore } from "../stream/store";

export type Bar = {
  readonly openMs: number;
  readonly open: string;
  readonly high: string;
  readonly low: string;
  readonly close: string;
  readonly volume: string;
  readonly confirmed: boolean;
};

export type BarsState =
  | { readonly phase: "loading" }
  | { readonly phase: "failed"; readonly error: unknown }
  | { readonly phase: "ready"; readonly older: "more" | "loading" | "none" };

export type BarsListener = { readonly onReset: () => void; readonly onTail: (bar: Bar) => void };
export type BarsKey = { readonly environment: Environment; readonly category: Category; readonly symbol: string; readonly interval: Interval };

export const PAGE_BARS = 1500;
export const BARS_MAX = 6000;
const REPAINT_MS = 100;

export class Bars {
  readonly state = new Signal<BarsState>({ phase: "loading" });
  /** The newest bar, at most ten times a second. */
  readonly tail = new Signal<Bar | null>(null);
  readonly #key: BarsKey;
  readonly #stream: StreamStore;
  readonly #listeners = new Set<BarsListener>();
  #bars: Bar[] = [];
  #gaps: CandleGap[] = [];
  #early: Bar[] = []; // live bars that came before history did
  #release: (() => void) | null = null;
  #repaint: ReturnType<typeof setTimeout> | null = null;
  #pending = new Map<number, Bar>();
  #stopped = false;

  constructor(key: BarsKey, stream: StreamStore) {
    this.#key = key;
    this.#stream = stream;
  }

  get bars(): readonly Bar[] {
    return this.#bars;
  }

  get gaps(): readonly CandleGap[] {
    return this.#gaps;
  }

  start(): void {
    this.#stopped = false;
    const { environment, category, symbol, interval } = this.#key;
    this.#release = this.#stream.onCandles(`${environment}:${category}:${symbol}:${interval}`, {
      onCandle: (candle) => this.#live(barOf(candle)),
      onResync: () => void this.#catchUp(),
    });
    void this.load();
  }

  stop(): void {
    this.#stopped = true;
    this.#release?.();
    if (this.#repaint !== null) clearTimeout(this.#repaint);
  }

  listen(listener: BarsListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async load(): Promise<void> {
    this.state.set({ phase: "loading" });
    try {
      const answer = await readCandles({ ...this.#key, limit: PAGE_BARS });
      if (this.#stopped) return;
      this.#bars = merge(answer.candles.map(barOf), this.#early);
      this.#early = [];
      this.#gaps = [...answer.gaps];
      this.state.set({ phase: "ready", older: answer.candles.length < PAGE_BARS ? "none" : "more" });
      this.#reset();
    } catch (error) {
      if (!this.#stopped) this.state.set({ phase: "failed", error });
    }
  }

  async loadOlder(): Promise<void> {
    const state = this.state.get();
    const oldest = this.#bars[0];
    if (state.phase !== "ready" || state.older !== "more" || oldest === undefined) return;
    if (this.#bars.length >= BARS_MAX) {
      this.state.set({ phase: "ready", older: "none" });
      return;
    }
    this.state.set({ phase: "ready", older: "loading" });
    try {
      const answer = await readCandles({ ...this.#key, endMs: oldest.openMs - 1, limit: PAGE_BARS });
      if (this.#stopped) return;
      const older = answer.candles.map(barOf).filter((bar) => bar.openMs < oldest.openMs);
      this.#bars = merge(older, this.#bars).slice(-BARS_MAX);
      this.#gaps = [...answer.gaps, ...this.#gaps];
      const more = older.length > 0 && this.#bars.length < BARS_MAX;
      this.state.set({ phase: "ready", older: more ? "more" : "none" });
      if (older.length > 0) this.#reset();
    } catch {
      // The chart goes on with what it has; scrolling left asks again.
      if (!this.#stopped) this.state.set({ phase: "ready", older: "more" });
    }
  }

  /** After a break of the stream: what was missed, from the last confirmed bar on. */
  async #catchUp(): Promise<void> {
    if (this.state.get().phase !== "ready") return;
    const last = this.#bars.findLast((bar) => bar.confirmed);
    try {
      const range = last === undefined ? {} : { startMs: last.openMs };
      const answer = await readCandles({ ...this.#key, ...range, limit: PAGE_BARS });
      if (this.#stopped) return;
      this.#bars = merge(this.#bars, answer.candles.map(barOf)).slice(-BARS_MAX);
      this.#gaps = [...this.#gaps, ...answer.gaps];
      this.#reset();
    } catch {
      // The next break or bar brings it; the link's indicator tells of the trouble meanwhile.
    }
  }

  #live(bar: Bar): void {
    if (this.state.get().phase !== "ready") {
      this.#early.push(bar);
      return;
    }
    const known = this.#pending.get(bar.openMs);
    if (known?.confirmed !== true || bar.confirmed) this.#pending.set(bar.openMs, bar);
    this.#repaint ??= setTimeout(() => this.#flush(), REPAINT_MS);
  }

  #flush(): void {
    this.#repaint = null;
    const fresh = [...this.#pending.values()].sort((a, b) => a.openMs - b.openMs);
    this.#pending.clear();
    let reset = false;
    for (const bar of fresh) {
      const last = this.#bars.at(-1);
      if (last === undefined || bar.openMs > last.openMs) this.#bars.push(bar);
      else if (bar.openMs === last.openMs) this.#bars[this.#bars.length - 1] = bar;
      else {
        this.#bars = merge(this.#bars, [bar]);
        reset = true;
      }
    }
    if (this.#bars.length > BARS_MAX) this.#bars = this.#bars.slice(-BARS_MAX);
    if (reset) this.#reset();
    else for (const bar of fresh) for (const listener of this.#listeners) listener.onTail(bar);
    this.tail.set(this.#bars.at(-1) ?? null);
  }

  #reset(): void {
    for (const listener of this.#listeners) listener.onReset();
    this.tail.set(this.#bars.at(-1) ?? null);
  }
}

export function barOf(candle: Candle): Bar {
  const [openMs, open, high, low, close, volume, , confirmed] = candle;
  return { openMs, open, high, low, close, volume, confirmed };
}

/** By opening time; the later list wins, except that a confirmed bar is not undone by an unconfirmed one. */
export function merge(before: readonly Bar[], after: readonly Bar[]): Bar[] {
  const byTime = new Map(before.map((bar) => [bar.openMs, bar]));
  for (const bar of after) {
    if (byTime.get(bar.openMs)?.confirmed !== true || bar.confirmed) byTime.set(bar.openMs, bar);
  }
  return [...byTime.values()].sort((a, b) => a.openMs - b.openMs);
}
