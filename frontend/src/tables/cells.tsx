/** Cells that several tables share: time, side, source. */
import type { Fill, Order } from "../api/types";
import { exactTime, tableTime } from "../format/time";
import { useWords } from "../i18n/useWords";

export function TimeCell({ ms, now }: { ms: number; now: number }) {
  return (
    <time dateTime={exactTime(ms)} title={exactTime(ms)}>
      {tableTime(ms, now)}
    </time>
  );
}

export function SideCell({ side }: { side: Order["side"] | Fill["side"] }) {
  const { t } = useWords();
  return (
    <span className={side === "Buy" ? "up" : "down"}>
      <span aria-hidden="true">{side === "Buy" ? "▲" : "▼"}</span> {side === "Buy" ? t("tables.buy") : t("tables.sell")}
    </span>
  );
}

export function SourceCell({ source }: { source: Order["source"] }) {
  const { t } = useWords();
  if (source === "external") return <span title={t("tables.source_external_hint")}>{t("tables.source_external")}</span>;
  return <span>{t("tables.source_manual")}</span>;
}
