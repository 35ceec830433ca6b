/** Cells that several tables share: time, symbol, side, source. */
import type { Category, Fill, Order } from "../api/types";
import { exactTime, tableTime } from "../format/time";
import { useWords } from "../i18n/useWords";
import { kindOf } from "../terminal/kind";

export function TimeCell({ ms, now }: { ms: number; now: number }) {
  return (
    <time dateTime={exactTime(ms)} title={exactTime(ms)}>
      {tableTime(ms, now)}
    </time>
  );
}

/** The same symbol names a spot pair and a contract, so the kind stands beside it. */
export function SymbolCell({ row }: { row: { readonly category: Category; readonly symbol: string } }) {
  const { t } = useWords();
  return (
    <>
      <strong>{row.symbol}</strong> <span className="muted">{t(`markets.kind_${kindOf(row)}`)}</span>
    </>
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
  if (source === "manual") return <span>{t("tables.source_manual")}</span>;
  return <span title={t(`tables.source_${source}_hint`)}>{t(`tables.source_${source}`)}</span>;
}
