/** Open, high, low, close and volume of the bar under the crosshair, or of the newest one, as real text. */
import type { Instrument } from "../api/types";
import { large, signOf, stepped } from "../format/number";
import Big from "big.js";
import { useWords } from "../i18n/useWords";
import { useSignal } from "../stream/hooks";
import type { Bar, Bars } from "./bars";

export function Readout({ bars, instrument, hoveredMs }: { bars: Bars; instrument: Instrument; hoveredMs: number | null }) {
  const { t, language } = useWords();
  const tail = useSignal(bars.tail);
  const bar: Bar | null = (hoveredMs === null ? null : bars.bars.find((each) => each.openMs === hoveredMs)) ?? tail;
  if (bar === null) return <span className="readout" />;
  const tone = signOf(new Big(bar.close).minus(bar.open).toFixed()) >= 0 ? "up" : "down";
  const price = (value: string): string => stepped(value, instrument.tick_size, language);
  const parts = [
    ["open", price(bar.open)],
    ["high", price(bar.high)],
    ["low", price(bar.low)],
    ["close", price(bar.close)],
  ] as const;
  return (
    <span className="readout" data-testid="chart-readout" data-open-ms={bar.openMs}>
      {parts.map(([name, value]) => (
        <span key={name}>
          <span className="muted">{t(`terminal.${name}`)}</span> <span className={tone}>{value}</span>
        </span>
      ))}
      <span>
        <span className="muted">{t("terminal.volume")}</span> <span>{large(bar.volume, language)}</span>
      </span>
      {!bar.confirmed && <span className="muted">{t("terminal.forming")}</span>}
    </span>
  );
}
