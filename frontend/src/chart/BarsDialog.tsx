/** The visible bars as a table: the same numbers for whoever cannot see or use the drawing. */
import { useEffect, useRef } from "react";
import type { CandleGap, Instrument } from "../api/types";
import { stepped } from "../format/number";
import { utcDateTime } from "../format/time";
import { useWords } from "../i18n/useWords";
import { Icon } from "../ui/Icon";
import type { Bar } from "./bars";

type Props = {
  readonly bars: readonly Bar[];
  readonly gaps: readonly CandleGap[];
  readonly instrument: Instrument;
  readonly timeframe: string;
  readonly onClose: () => void;
};

export function BarsDialog({ bars, gaps, instrument, timeframe, onClose }: Props) {
  const { t, language } = useWords();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  const price = (value: string): string => stepped(value, instrument.tick_size, language);
  const newestFirst = [...bars].reverse();
  const gapAfter = (bar: Bar, next: Bar | undefined): CandleGap | undefined =>
    next === undefined ? undefined : gaps.find((gap) => gap.from_ms >= next.openMs && gap.to_ms <= bar.openMs);
  return (
    <dialog ref={dialog} className="dialog" onClose={onClose} aria-labelledby="bars-title">
      <header className="dialog-head">
        <h2 id="bars-title">{t("terminal.data_table_title", { symbol: instrument.symbol, timeframe })}</h2>
        <span className="muted">{t("terminal.bars_shown", { count: bars.length })}</span>
        <span className="spacer" />
        <button type="button" className="icon-button" aria-label={t("common.close")} onClick={() => dialog.current?.close()}>
          <Icon name="cross" />
        </button>
      </header>
      <div className="table-scroll">
        <table className="table">
          <thead>
            <tr>
              <th scope="col">{t("terminal.time")} (UTC)</th>
              {(["open_full", "high_full", "low_full", "close_full", "volume_full"] as const).map((name) => (
                <th key={name} scope="col" className="number">
                  {t(`terminal.${name}`)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {newestFirst.map((bar, index) => {
              const gap = gapAfter(bar, newestFirst[index + 1]);
              return [
                <tr key={bar.openMs} data-testid="bar-row">
                  <th scope="row">
                    {utcDateTime(bar.openMs)}
                    {!bar.confirmed && <span className="muted"> {t("terminal.forming")}</span>}
                  </th>
                  <td className="number">{price(bar.open)}</td>
                  <td className="number">{price(bar.high)}</td>
                  <td className="number">{price(bar.low)}</td>
                  <td className="number">{price(bar.close)}</td>
                  <td className="number">{stepped(bar.volume, instrument.quantity_step, language)}</td>
                </tr>,
                gap !== undefined && (
                  <tr key={`gap-${gap.from_ms}`}>
                    <td colSpan={6} className="muted">
                      {t("terminal.no_data_band", { from: utcDateTime(gap.from_ms), to: utcDateTime(gap.to_ms) })}
                    </td>
                  </tr>
                ),
              ];
            })}
          </tbody>
        </table>
      </div>
    </dialog>
  );
}
