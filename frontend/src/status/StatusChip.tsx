/** The chip of an order's status: drawing, words and colour role, all from the one table. */
import type { Order } from "../api/types";
import { age } from "../format/time";
import { useWords } from "../i18n/useWords";
import { statusText } from "../i18n/words";
import { useNow } from "../stream/hooks";
import { Icon } from "../ui/Icon";
import { filledPercent } from "./filled";
import { statusRow } from "./table";

type Shown = Pick<Order, "status" | "quantity" | "filled_quantity" | "reason" | "cancel" | "updated_ms"> & Partial<Pick<Order, "quantity_unit" | "average_price">>;

export function StatusChip({ order }: { order: Shown }) {
  const { t } = useWords();
  const row = statusRow(order.status);
  const percent = filledPercent(order);
  // A cancel whose own answer is lost does not change the chip, it adds that it is being checked.
  const checking = order.cancel?.state === "unknown" && order.status === "cancel_requested";
  return (
    <span className={`chip ${row.role} ${row.look ?? ""}`} data-testid="order-status" data-status={order.status}>
      <Icon name={row.icon} className={row.look === "spin" ? "spinning" : ""} />
      <span>
        {statusText(t, order)}
        {checking && ` ${t("tables.cancel_checking")}`}
      </span>
      {order.status === "unknown" && <UnknownAge sinceMs={order.updated_ms} />}
      {order.status === "partially_filled" && (
        <progress className="chip-bar" max={100} value={percent} aria-hidden="true" />
      )}
    </span>
  );
}

function UnknownAge({ sinceMs }: { sinceMs: number }) {
  const { language } = useWords();
  const now = useNow();
  return <span className="chip-age">{age(now - sinceMs, language)}</span>;
}
