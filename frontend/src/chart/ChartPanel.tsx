/** The chart's panel: timeframes, readout as text, the drawing with its states, the table behind it, the attribution. */
import { useEffect, useMemo, useRef, useState, type KeyboardEvent } from "react";
import type { Environment, Instrument } from "../api/types";
import { decimalsOf } from "../format/number";
import { useWords } from "../i18n/useWords";
import { useSignal } from "../stream/hooks";
import { stream } from "../app/services";
import { preferences } from "../shell/preferences";
import { TIMEFRAMES, intervalOf, type Timeframe } from "../terminal/search";
import { Failure } from "../ui/Failure";
import { Waiting } from "../ui/Waiting";
import { Icon } from "../ui/Icon";
import { Segments } from "../ui/Segments";
import { Bars, type Bar } from "./bars";
import { BarsDialog } from "./BarsDialog";
import { draw, type ChartOrder, type Drawing } from "./drawing";
import { Readout } from "./Readout";

type Props = {
  readonly environment: Environment;
  readonly instrument: Instrument;
  readonly timeframe: Timeframe;
  readonly onTimeframe: (timeframe: Timeframe) => void;
  readonly orders: readonly ChartOrder[];
  readonly onPrice: (price: string) => void;
  readonly old: boolean;
};

export function ChartPanel(props: Props) {
  const { instrument, timeframe } = props;
  const { t } = useWords();
  const bars = useBars(props.environment, instrument, timeframe);
  const [table, setTable] = useState<readonly Bar[] | null>(null);
  const [hoveredMs, setHoveredMs] = useState<number | null>(null);
  const drawing = useRef<Drawing | null>(null);

  const openTable = (): void => {
    const visible = drawing.current?.visibleMs() ?? null;
    const all = bars.bars;
    setTable(visible === null ? all.slice(-100) : all.filter((bar) => bar.openMs >= visible.fromMs && bar.openMs <= visible.toMs));
  };

  return (
    <section className={`panel chart-panel ${props.old ? "is-old" : ""}`} aria-label={t("terminal.chart", { symbol: instrument.symbol })}>
      <div className="chart-tools">
        <Segments
          label={t("terminal.timeframe")}
          className="timeframes"
          value={timeframe}
          options={TIMEFRAMES.map((value, index) => ({
            value,
            label: value,
            title: t("terminal.timeframe_hint", { name: value, key: index + 1 }),
          }))}
          onChange={props.onTimeframe}
        />
        <Readout bars={bars} instrument={instrument} hoveredMs={hoveredMs} />
        <button type="button" className="button small quiet table-button" data-testid="chart-data-table" onClick={openTable}>
          <Icon name="table" />
          <span className="wide-only">{t("terminal.data_table")}</span>
          <span className="visually-hidden narrow-name">{t("terminal.data_table")}</span>
        </button>
      </div>
      <Canvas {...props} bars={bars} drawing={drawing} onHover={setHoveredMs} />
      <p className="attribution">
        <a href="https://www.tradingview.com/" target="_blank" rel="noopener noreferrer" title={t("terminal.attribution_notice")}>
          {t("terminal.attribution")}
        </a>
        <span className="visually-hidden">{t("terminal.attribution_notice")}</span>
        <span className="axis-note">{t("terminal.axis_utc")}</span>
      </p>
      {table !== null && (
        <BarsDialog bars={table} gaps={bars.gaps} instrument={instrument} timeframe={timeframe} onClose={() => setTable(null)} />
      )}
    </section>
  );
}

function useBars(environment: Environment, instrument: Instrument, timeframe: Timeframe): Bars {
  const { category, symbol } = instrument;
  const bars = useMemo(
    () => new Bars({ environment, category, symbol, interval: intervalOf(timeframe).interval }, stream),
    [environment, category, symbol, timeframe],
  );
  useEffect(() => {
    bars.start();
    return () => bars.stop();
  }, [bars]);
  return bars;
}

type CanvasProps = Props & {
  readonly bars: Bars;
  readonly drawing: { current: Drawing | null };
  readonly onHover: (openMs: number | null) => void;
};

function Canvas({ instrument, timeframe, orders, onPrice, bars, drawing, onHover }: CanvasProps) {
  const { t } = useWords();
  const place = useRef<HTMLDivElement>(null);
  const chosen = useSignal(preferences);
  const state = useSignal(bars.state);
  const price = useRef(onPrice);
  useEffect(() => {
    price.current = onPrice;
  }, [onPrice]);

  useEffect(() => {
    if (place.current === null) return;
    const drawn = draw(
      place.current,
      { decimals: decimalsOf(instrument.tick_size), tick: instrument.tick_size },
      intervalOf(timeframe).ms,
      preferences.get().language,
      { onHover, onPrice: (text) => price.current(text), onNearStart: () => void bars.loadOlder() },
    );
    drawing.current = drawn;
    drawn.setBars(bars.bars, bars.gaps);
    const stop = bars.listen({ onReset: () => drawn.setBars(bars.bars, bars.gaps), onTail: drawn.updateBar });
    return () => {
      stop();
      drawing.current = null;
      drawn.remove();
    };
  }, [bars, drawing, instrument.tick_size, onHover, timeframe]);

  // After the effect above, so that a new drawing gets its orders too.
  useEffect(() => drawing.current?.setOrders(orders), [drawing, orders, bars]);
  useEffect(() => {
    drawing.current?.setLook(chosen.language);
    const system = globalThis.matchMedia("(prefers-color-scheme: light)");
    const repaint = (): void => drawing.current?.setLook(chosen.language);
    system.addEventListener("change", repaint);
    return () => system.removeEventListener("change", repaint);
  }, [drawing, chosen.language, chosen.theme, chosen.palette]);

  return (
    <div className="chart-place">
      {/* A drawing with keys of its own; the same data is in the table next to it. */}
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- it is an application with keys of its own */}
      <div
        ref={place}
        className="chart-canvas"
        role="application"
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- the keys below need the focus
        tabIndex={0}
        aria-label={`${t("terminal.chart", { symbol: instrument.symbol })}. ${t("terminal.chart_keys")}`}
        data-testid="chart"
        onKeyDown={(event) => onChartKey(event, drawing.current)}
      />
      {state.phase === "loading" && (
        <>
          <div className="chart-over skeleton-chart" />
          <div className="chart-over">
            <Waiting rows={0} onRetry={() => void bars.load()} />
          </div>
        </>
      )}
      {state.phase === "failed" && (
        <div className="chart-over">
          <Failure what={t("terminal.candles_failed")} error={state.error} onRetry={() => void bars.load()} />
        </div>
      )}
      {state.phase === "ready" && bars.bars.length === 0 && (
        <div className="chart-over">
          <p className="muted">{t("terminal.no_data")}</p>
        </div>
      )}
      {state.phase === "ready" && state.older === "loading" && (
        <p className="chart-note" role="status">
          {t("terminal.loading_older")}
        </p>
      )}
    </div>
  );
}

function onChartKey(event: KeyboardEvent, drawing: Drawing | null): void {
  if (drawing === null || event.ctrlKey || event.metaKey || event.altKey) return;
  const step = event.shiftKey ? 10 : 1;
  const actions: Readonly<Record<string, () => void>> = {
    ArrowLeft: () => drawing.scrollBy(-step),
    ArrowRight: () => drawing.scrollBy(step),
    Equal: () => drawing.zoom(1.25),
    NumpadAdd: () => drawing.zoom(1.25),
    Minus: () => drawing.zoom(0.8),
    NumpadSubtract: () => drawing.zoom(0.8),
    Home: drawing.toStart,
    End: drawing.toNow,
    KeyA: drawing.autoScale,
  };
  const action = actions[event.code];
  if (action === undefined) return;
  event.preventDefault();
  event.stopPropagation();
  action();
}
