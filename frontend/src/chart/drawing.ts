/**
 * The drawn chart: candles, a pane of volume, lines of working orders. The only place that knows lightweight-charts.
 *
 * The library's own attribution mark injects a <style> element, which the page's policy forbids; it is switched off here
 * and `ChartPanel` shows the notice and the link that the licence asks for.
 */
import {
  CandlestickSeries,
  ColorType,
  createChart,
  CrosshairMode,
  HistogramSeries,
  LineStyle,
  type IPriceLine,
  type MouseEventParams,
  type Time,
  type UTCTimestamp,
} from "lightweight-charts";
import type { CandleGap } from "../api/types";
import { grouping, type Language } from "../format/number";
import type { Bar } from "./bars";
import { emptyPlaces, GapBands } from "./gaps";

export type ChartOrder = { readonly id: string; readonly price: string; readonly title: string; readonly side: "Buy" | "Sell" };

export type ChartEvents = {
  /** The bar under the crosshair by its opening time, or null when it left. */
  readonly onHover: (openMs: number | null) => void;
  /** A price pressed on, as text with the decimals given. */
  readonly onPrice: (price: string) => void;
  readonly onNearStart: () => void;
};

export type Drawing = {
  readonly setBars: (bars: readonly Bar[], gaps: readonly CandleGap[]) => void;
  readonly updateBar: (bar: Bar) => void;
  readonly setOrders: (orders: readonly ChartOrder[]) => void;
  readonly setLook: (language: Language) => void;
  readonly visibleMs: () => { readonly fromMs: number; readonly toMs: number } | null;
  readonly scrollBy: (bars: number) => void;
  readonly zoom: (factor: number) => void;
  readonly toStart: () => void;
  readonly toNow: () => void;
  readonly autoScale: () => void;
  readonly remove: () => void;
};

const NEAR_START_BARS = 60;

function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function transparent(hex: string, alpha: string): string {
  return `${hex}${alpha}`;
}

export function draw(
  place: HTMLElement,
  precision: { readonly decimals: number; readonly tick: string },
  stepMs: number,
  language: Language,
  events: ChartEvents,
): Drawing {
  const chart = createChart(place, {
    autoSize: true,
    layout: {
      attributionLogo: false,
      background: { type: ColorType.Solid, color: "transparent" },
      fontFamily: getComputedStyle(document.body).fontFamily,
      fontSize: 11,
      panes: { enableResize: true },
    },
    crosshair: { mode: CrosshairMode.Normal },
    rightPriceScale: { borderVisible: false, scaleMargins: { top: 0.12, bottom: 0.06 } },
    timeScale: { borderVisible: false, timeVisible: stepMs < 86_400_000, secondsVisible: false, rightOffset: 6, barSpacing: 7, minBarSpacing: 1 },
  });
  const candles = chart.addSeries(CandlestickSeries, {
    priceFormat: { type: "price", precision: precision.decimals, minMove: Number(precision.tick) },
    // The library colours the last price like the bar's body, and the body of a rising bar is hollow: own line instead.
    lastValueVisible: false,
    priceLineVisible: false,
  });
  const lastLine = candles.createPriceLine({ price: 0, lineStyle: LineStyle.Dotted, lineWidth: 1, lineVisible: false, axisLabelVisible: false });
  const volume = chart.addSeries(
    HistogramSeries,
    { priceFormat: { type: "volume" }, lastValueVisible: false, priceLineVisible: false },
    1,
  );
  const bands = new GapBands();
  candles.attachPrimitive(bands);
  chart.panes()[0]?.setStretchFactor(4);
  chart.panes()[1]?.setStretchFactor(1);
  let lines: IPriceLine[] = [];
  let orders: readonly ChartOrder[] = [];
  let shown: readonly Bar[] = [];
  let shownGaps: readonly CandleGap[] = [];

  const candlePoint = (bar: Bar) => ({
    time: (bar.openMs / 1000) as UTCTimestamp,
    open: Number(bar.open),
    high: Number(bar.high),
    low: Number(bar.low),
    close: Number(bar.close),
  });
  const volumePoint = (bar: Bar) => ({
    time: (bar.openMs / 1000) as UTCTimestamp,
    value: Number(bar.volume),
    color: transparent(colour(Number(bar.close) >= Number(bar.open) ? "--up" : "--down"), "88"),
  });

  const markLast = (bar: Bar | undefined): void => {
    if (bar === undefined) return;
    const tone = colour(Number(bar.close) >= Number(bar.open) ? "--up" : "--down");
    lastLine.applyOptions({
      price: Number(bar.close),
      color: tone,
      axisLabelColor: tone,
      axisLabelTextColor: colour("--on-fill"),
      axisLabelVisible: true,
      lineVisible: true,
    });
  };

  const setBars = (bars: readonly Bar[], gaps: readonly CandleGap[]): void => {
    shown = bars;
    markLast(bars.at(-1));
    shownGaps = gaps;
    const known = new Set(bars.map((bar) => bar.openMs / 1000));
    const first = bars[0]?.openMs ?? 0;
    const last = bars.at(-1)?.openMs ?? 0;
    const empty = gaps
      .filter((gap) => gap.from_ms > first && gap.to_ms <= last)
      .map((gap) => emptyPlaces(gap, stepMs).filter((time) => !known.has(time)));
    const whitespace = [...new Set(empty.flat())].map((time) => ({ time }));
    const points = [...bars.map(candlePoint), ...whitespace].sort((a, b) => a.time - b.time);
    candles.setData(points);
    volume.setData([...bars.map(volumePoint), ...whitespace].sort((a, b) => a.time - b.time));
    bands.set(
      empty.flatMap((times) => {
        const [from, to] = [times[0], times.at(-1)];
        return from === undefined || to === undefined ? [] : [{ first: from, last: to }];
      }),
      colour("--muted"),
    );
  };

  const setOrders = (next: readonly ChartOrder[]): void => {
    orders = next;
    for (const line of lines) candles.removePriceLine(line);
    lines = next.map((order) =>
      candles.createPriceLine({
        price: Number(order.price),
        // Not the colours of up and down: those are the market's, and the side is in the title.
        color: colour("--text"),
        lineStyle: LineStyle.Dashed,
        lineWidth: 1,
        axisLabelVisible: true,
        axisLabelTextColor: colour("--bg"),
        title: order.title,
      }),
    );
  };

  const setLook = (spoken: Language): void => {
    const [up, down, line, muted] = [colour("--up"), colour("--down"), colour("--line"), colour("--muted")];
    chart.applyOptions({
      localization: { locale: spoken === "ru" ? "ru-RU" : "en-GB" },
      layout: { textColor: muted, panes: { separatorColor: line, separatorHoverColor: transparent(muted, "33") } },
      grid: { vertLines: { color: transparent(line, "66") }, horzLines: { color: transparent(line, "66") } },
      crosshair: {
        vertLine: { color: muted, labelBackgroundColor: colour("--raised") },
        horzLine: { color: muted, labelBackgroundColor: colour("--raised") },
      },
    });
    // Hollow up, filled down: told apart without colour.
    candles.applyOptions({
      priceFormat: {
        type: "custom",
        minMove: Number(precision.tick),
        formatter: (price: number) => grouping(price.toFixed(precision.decimals), spoken),
      },
      upColor: colour("--panel"),
      borderUpColor: up,
      wickUpColor: up,
      downColor: down,
      borderDownColor: down,
      wickDownColor: down,
    });
    if (shown.length > 0) setBars(shown, shownGaps);
    setOrders(orders);
  };

  const onMove = (event: MouseEventParams<Time>): void => {
    events.onHover(typeof event.time === "number" ? event.time * 1000 : null);
  };
  const onClick = (event: MouseEventParams<Time>): void => {
    if (event.point === undefined || (event.paneIndex ?? 0) !== 0) return;
    // A pixel is not money: the number only fills a text field, which is checked like anything typed.
    const price = candles.coordinateToPrice(event.point.y);
    if (price !== null && price > 0) events.onPrice(price.toFixed(precision.decimals));
  };
  const onRange = (): void => {
    const range = chart.timeScale().getVisibleLogicalRange();
    if (range !== null && range.from < NEAR_START_BARS) events.onNearStart();
  };
  chart.subscribeCrosshairMove(onMove);
  chart.subscribeClick(onClick);
  chart.timeScale().subscribeVisibleLogicalRangeChange(onRange);
  setLook(language);

  const scale = chart.timeScale();
  return {
    setBars,
    updateBar: (bar) => {
      candles.update(candlePoint(bar));
      markLast(bar);
      volume.update(volumePoint(bar));
    },
    setOrders,
    setLook,
    visibleMs: () => {
      const range = scale.getVisibleRange();
      if (range === null || typeof range.from !== "number" || typeof range.to !== "number") return null;
      return { fromMs: range.from * 1000, toMs: range.to * 1000 };
    },
    scrollBy: (bars) => scale.scrollToPosition(scale.scrollPosition() + bars, false),
    zoom: (factor) => scale.applyOptions({ barSpacing: Math.min(60, Math.max(1, scale.options().barSpacing * factor)) }),
    toStart: () => scale.scrollToPosition(-shown.length, false),
    toNow: () => scale.scrollToRealTime(),
    autoScale: () => chart.priceScale("right").applyOptions({ autoScale: true }),
    remove: () => chart.remove(),
  };
}
