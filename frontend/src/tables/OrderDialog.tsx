/** All that is known of one order: its words, its reason, its ids, and how it got here. */
import { useQuery } from "@tanstack/react-query";
import { readIntent } from "../api/calls";
import type { Instrument, Order } from "../api/types";
import { exactTime, localTime } from "../format/time";
import { useWords } from "../i18n/useWords";
import { orderSentence } from "../i18n/sentences";
import { reasonLong, statusText } from "../i18n/words";
import { ENVIRONMENT_WORD } from "../shell/Environment";
import { StatusChip } from "../status/StatusChip";
import { Dialog } from "../ui/Dialog";
import { Failure } from "../ui/Failure";
import { Waiting } from "../ui/Waiting";

export function OrderDialog({ order, instrument, onClose }: { order: Order; instrument: Instrument | null; onClose: () => void }) {
  const { t, language } = useWords();
  return (
    <Dialog title={orderSentence(t, order, instrument, language)} testId="order-dialog" onClose={onClose}>
      {() => (
        <>
        <StatusChip order={order} />
        <p>{t(`status.meaning.${order.status}`)}</p>
        {order.reason !== null && <p className="caution">{reasonLong(t, order.reason, language)}</p>}
        {order.note !== null && <p className="muted">{order.note}</p>}
        {order.source === "manual" && <History order={order} />}
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

function History({ order }: { order: Order }) {
  const { t } = useWords();
  const detail = useQuery({
    queryKey: ["intent", order.account_id, order.id, order.version],
    queryFn: () => readIntent(order.account_id, order.id),
    placeholderData: (before) => before,
  });
  if (detail.isError) return <Failure what={t("tables.history_of")} error={detail.error} onRetry={() => void detail.refetch()} />;
  if (detail.data === undefined) return <Waiting rows={3} />;
  return (
    <table className="table" aria-label={t("tables.history_of")}>
      <thead>
        <tr>
          <th scope="col">{t("tables.time")}</th>
          <th scope="col">{t("tables.history_state")}</th>
          <th scope="col">{t("tables.history_source")}</th>
        </tr>
      </thead>
      <tbody>
        {detail.data.history.map((moment) => (
          <tr key={`${moment.time_ms}-${moment.status}-${moment.source}`}>
            <td>
              <time dateTime={exactTime(moment.time_ms)} title={exactTime(moment.time_ms)}>
                {localTime(moment.time_ms)}.{String(moment.time_ms % 1000).padStart(3, "0")}
              </time>
            </td>
            <td>{statusText(t, { ...order, status: moment.status })}</td>
            <td className="muted">{t(`tables.source_of.${moment.source}`)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
