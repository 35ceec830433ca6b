/** Holes of history: empty places on the time axis, and a hatched band over them. */
import type {
  IChartApi,
  IPrimitivePaneRenderer,
  IPrimitivePaneView,
  ISeriesPrimitive,
  Logical,
  SeriesAttachedParameter,
  Time,
  UTCTimestamp,
} from "lightweight-charts";
import type { CandleGap } from "../api/types";

/** Longer holes are narrowed to this many places, so that a month without data does not push the bars off the screen. */
const PLACES_MAX = 60;

/** Opening times (seconds) of the empty places of one hole; `to_ms` is not part of it. */
export function emptyPlaces(gap: CandleGap, stepMs: number): UTCTimestamp[] {
  const count = Math.max(0, Math.ceil((gap.to_ms - gap.from_ms) / stepMs));
  const shown = Math.min(count, PLACES_MAX);
  return Array.from({ length: shown }, (_, index) => {
    const place = shown === count ? index : Math.floor((index * count) / shown);
    return ((gap.from_ms + place * stepMs) / 1000) as UTCTimestamp;
  });
}

type Band = { readonly from: number; readonly to: number };
type Target = Parameters<IPrimitivePaneRenderer["draw"]>[0];

/** Hatches the places without data, over the whole height of the pane. */
export class GapBands implements ISeriesPrimitive<Time> {
  #chart: IChartApi | null = null;
  #bands: readonly { readonly first: UTCTimestamp; readonly last: UTCTimestamp }[] = [];
  #colour = "#888";
  #update: (() => void) | null = null;

  attached(parameter: SeriesAttachedParameter<Time>): void {
    this.#chart = parameter.chart as IChartApi;
    this.#update = parameter.requestUpdate;
  }

  detached(): void {
    this.#chart = null;
    this.#update = null;
  }

  set(bands: readonly { first: UTCTimestamp; last: UTCTimestamp }[], colour: string): void {
    this.#bands = bands;
    this.#colour = colour;
    this.#update?.();
  }

  paneViews(): readonly IPrimitivePaneView[] {
    const draw = (target: Target): void => this.#draw(target);
    return [{ zOrder: () => "bottom", renderer: () => ({ draw }) }];
  }

  #places(): Band[] {
    const scale = this.#chart?.timeScale();
    if (scale === undefined) return [];
    const half = (scale.options().barSpacing ?? 6) / 2;
    return this.#bands.flatMap(({ first, last }) => {
      const [from, to] = [scale.timeToIndex(first, true), scale.timeToIndex(last, true)];
      const left = from === null ? null : scale.logicalToCoordinate(from as number as Logical);
      const right = to === null ? null : scale.logicalToCoordinate(to as number as Logical);
      return left === null || right === null ? [] : [{ from: left - half, to: right + half }];
    });
  }

  #draw(target: Target): void {
    target.useMediaCoordinateSpace(({ context, mediaSize }) => {
      context.strokeStyle = this.#colour;
      context.lineWidth = 1;
      for (const { from, to } of this.#places()) {
        if (to < 0 || from > mediaSize.width) continue;
        context.save();
        context.globalAlpha = 0.35;
        context.beginPath();
        context.rect(from, 0, to - from, mediaSize.height);
        context.clip();
        context.beginPath();
        for (let x = from - mediaSize.height; x < to; x += 8) {
          context.moveTo(x, mediaSize.height);
          context.lineTo(x + mediaSize.height, 0);
        }
        context.stroke();
        context.restore();
      }
    });
  }
}
