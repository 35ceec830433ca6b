/** Cancelling orders: one press, one intent per order, told at once and confirmed only by the exchange. */
import { useCallback, useRef, useState } from "react";
import { postIntent } from "../api/calls";
import { NoAnswer, Refused } from "../api/errors";
import { newIntentId } from "../api/intent";
import type { Order } from "../api/types";
import { notices, queries, stream } from "../app/services";
import { sessionQuery } from "../app/session";
import { useWords } from "../i18n/useWords";
import { failureText, reasonShort } from "../i18n/words";

export type Cancelling = { readonly asking: ReadonlySet<string>; readonly cancel: (order: Order) => void };

export function useCancel(accountId: string): Cancelling {
  const { t, language } = useWords();
  const [asking, setAsking] = useState<ReadonlySet<string>>(new Set());
  const intents = useRef(new Map<string, string>()); // order → its cancel's id, kept for asking again

  const mark = useCallback((orderId: string, busy: boolean): void => {
    setAsking((before) => {
      const after = new Set(before);
      if (busy) after.add(orderId);
      else after.delete(orderId);
      return after;
    });
  }, []);

  const cancel = useCallback(
    (order: Order): void => {
      const id = intents.current.get(order.id) ?? newIntentId();
      intents.current.set(order.id, id);
      mark(order.id, true);
      const tell = (text: string): void => {
        notices.show({ id: `cancel:${order.id}`, tone: "bad", title: text, text: order.symbol, lastsMs: null });
        notices.speak(text, "assertive");
      };
      postIntent(accountId, { id, kind: "cancel", order_id: order.id })
        .then(
          (answer) => {
            if (answer.order !== null) stream.putOrder(answer.order);
            if (answer.reason !== null && answer.order?.status === order.status) {
              intents.current.delete(order.id);
              tell(t("tables.cancel_failed", { reason: reasonShort(t, answer.reason) }));
            }
          },
          (error: unknown) => {
            if (error instanceof Refused) {
              intents.current.delete(order.id);
              if (error.problem.status === 401) void queries.invalidateQueries(sessionQuery);
              tell(t("tables.cancel_failed", { reason: failureText(t, error, language).text }));
            } else if (error instanceof NoAnswer) tell(t("tables.cancel_no_answer"));
            else throw error;
          },
        )
        .finally(() => mark(order.id, false));
    },
    [accountId, language, mark, t],
  );
  return { asking, cancel };
}
