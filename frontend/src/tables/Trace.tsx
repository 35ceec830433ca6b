/**
 * How an order came about, in time order: what was asked, the limits it was held against, each request with its answer,
 * the order's states, its fills.
 *
 * Lives here: putting these together by their times. Not here: where they come from (`readIntent`, the account's fills).
 */
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { readIntent } from "../api/calls";
import type { Fill, Instrument, IntentHistory, Order } from "../api/types";
import { stepped, type Language } from "../format/number";
import { exactTime, localTime } from "../format/time";
import { useWords } from "../i18n/useWords";
import { levelName, limitName, readable, statusText, type Words } from "../i18n/words";
import { useAccountIfAny } from "../stream/hooks";
import { Failure } from "../ui/Failure";
import { Waiting } from "../ui/Waiting";

export type Step = { readonly key: string; readonly atMs: number; readonly what: string; readonly detail: ReactNode; readonly from: string | null; readonly tone: "" | "caution" };

export function Trace({ order, instrument }: { order: Order; instrument: Instrument | null }) {
  const { t, language } = useWords();
  const state = useAccountIfAny(order.account_id);
  const detail = useQuery({
    queryKey: ["intent", order.account_id, order.id, order.version],
    queryFn: () => readIntent(order.account_id, order.id),
    placeholderData: (before) => before,
  });
  if (detail.isError) return <Failure what={t("tables.trace")} error={detail.error} onRetry={() => void detail.refetch()} />;
  if (detail.data === undefined) return <Waiting rows={3} />;
  const fills = state?.phase === "live" || state?.phase === "resyncing" ? state.data.fills.filter((fill) => fill.order_id === order.id) : [];
  return (
    <div className="table-scroll">
      <table className="table trace" aria-label={t("tables.trace")} data-testid="trace">
        <thead>
          <tr>
            <th scope="col">{t("tables.time")}</th>
            <th scope="col">{t("tables.trace_what")}</th>
            <th scope="col">{t("tables.trace_detail")}</th>
            <th scope="col">{t("tables.history_source")}</th>
          </tr>
        </thead>
        <tbody>
          {stepsOf(t, order, detail.data, fills, instrument, language).map((step) => (
            <tr key={step.key} data-testid="trace-step" data-step={step.key.split(":")[0]}>
              <td>
                <time dateTime={exactTime(step.atMs)} title={exactTime(step.atMs)}>
                  {localTime(step.atMs)}.{String(step.atMs % 1000).padStart(3, "0")}
                </time>
              </td>
              <td>{step.what}</td>
              <td className={`long ${step.tone}`}>{step.detail}</td>
              <td className="muted">{step.from}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Steps of one moment keep the order in which they must have happened. */
export function stepsOf(t: Words, order: Order, history: IntentHistory, fills: readonly Fill[], instrument: Instrument | null, language: Language): Step[] {
  const [asked, ...states] = history.history;
  const steps: Step[] = [];
  const put = (key: string, atMs: number, what: string, detail: ReactNode = null, from: string | null = null, tone: Step["tone"] = ""): void => {
    steps.push({ key, atMs, what, detail, from, tone });
  };
  if (asked !== undefined) {
    put("intent", asked.time_ms, t("tables.trace_intent"), null, t(`tables.source_of.${asked.source}`));
    if (history.verdict !== null && history.verdict.length > 0) put("verdict", asked.time_ms, t("tables.trace_verdict"), verdictWords(t, history.verdict, language));
  }
  for (const request of history.requests) {
    put(`request:${request.attempt}`, request.created_ms, t("tables.trace_request", { attempt: request.attempt }), t(request.signed_ms === null ? "tables.trace_unsigned" : "tables.trace_sent"));
    if (request.outcome === null || request.answered_ms === null) continue;
    const code = request.exchange_code === null || request.exchange_code === 0 ? null : t("tables.trace_code", { code: request.exchange_code });
    const said = request.exchange_text === null || request.exchange_text === "" || request.exchange_text === "OK" ? null : t("problems.quoted", { text: request.exchange_text });
    const words = [t(`tables.trace_outcome.${request.outcome}`), code, said].filter((part) => part !== null).join(", ");
    put(`answer:${request.attempt}`, request.answered_ms, t("tables.trace_answer", { attempt: request.attempt }), words, null, request.outcome === "acknowledged" || request.outcome === "duplicate" ? "" : "caution");
  }
  for (const moment of states) {
    put(`order:${moment.time_ms}:${moment.status}`, moment.time_ms, t("tables.trace_order", { status: statusText(t, { ...order, status: moment.status }) }), null, t(`tables.source_of.${moment.source}`));
  }
  for (const fill of fills) {
    const words = {
      quantity: stepped(fill.quantity, instrument?.quantity_step ?? fill.quantity, language),
      price: stepped(fill.price, instrument?.tick_size ?? fill.price, language),
      fee: stepped(fill.fee, fill.fee, language),
      coin: fill.fee_coin,
    };
    put(`fill:${fill.id}`, fill.time_ms, t("tables.trace_fill"), t("tables.trace_fill_of", words));
  }
  return steps.sort((a, b) => a.atMs - b.atMs);
}

function verdictWords(t: Words, verdict: NonNullable<IntentHistory["verdict"]>, language: Language): ReactNode {
  return (
    <ul className="limits">
      {verdict.map((each) => {
        const words = readable({ value: each.value, allowed: each.allowed }, language);
        const [name, level] = [limitName(t, each.limit), levelName(t, each.level)];
        return <li key={each.limit}>{t("tables.trace_passed", { name, value: words["value"] ?? each.value, allowed: words["allowed"] ?? each.allowed, level })}</li>;
      })}
    </ul>
  );
}
