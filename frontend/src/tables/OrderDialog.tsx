/** All that is known of one order: its words, its reason, its ids, and how it got here. */
import type { Instrument, Order } from "../api/types";
import { useWords } from "../i18n/useWords";
import { orderSentence } from "../i18n/sentences";
import { reasonLong } from "../i18n/words";
import { ENVIRONMENT_WORD } from "../shell/Environment";
import { StatusChip } from "../status/StatusChip";
import { Dialog } from "../ui/Dialog";
import { Trace } from "./Trace";

export function OrderDialog({ order, instrument, onClose }: { order: Order; instrument: Instrument | null; onClose: () => void }) {
  const { t, language } = useWords();
  return (
    <Dialog title={orderSentence(t, order, instrument, language)} testId="order-dialog" narrow={false} onClose={onClose}>
      {() => (
        <>
        <StatusChip order={order} />
        <p>{t(`status.meaning.${order.status}`)}</p>
        {order.reason !== null && <p className="caution">{reasonLong(t, order.reason, language)}</p>}
        {order.note !== null && <p className="muted">{order.note}</p>}
        {order.source !== "external" && order.source !== "attached" && order.source !== "adopted" && <Trace order={order} instrument={instrument} />}
        <dl className="facts ids">
          <dt>{t("tables.order_id")}</dt>
          <dd>
            {/* On the screen only: the word before the id says which money it was. */}
            {ENVIRONMENT_WORD[order.environment]} <span className="code">{order.link_id ?? order.id}</span>
          </dd>
          <dt>Bybit</dt>
          <dd>{order.exchange_order_id === null ? "—" : <span className="code">{order.exchange_order_id}</span>}</dd>
        </dl>
        </>
      )}
    </Dialog>
  );
}
