/** Cancelling orders: one press, one intent per order, told at once and confirmed only by the exchange. */
import { useCallback, useEffect, useRef, useState } from "react";
import { postIntent, readIntent } from "../api/calls";
import { NoAnswer, Refused } from "../api/errors";
import { newIntentId } from "../api/intent";
import type { Order } from "../api/types";
import { notices, stream } from "../app/services";
import { useWords } from "../i18n/useWords";
import { failureText, reasonShort } from "../i18n/words";
import { isTerminal } from "../status/table";

export type Cancelling = {
  /** Orders whose cancel is asked and not answered yet. */
  readonly asking: ReadonlySet<string>;
  /** Those of them whose answer is lost: the server is asked whether it has the cancel. */
  readonly checking: ReadonlySet<string>;
  readonly cancel: (order: Order) => void;
};

const LOOK_AGAIN_MS = 3_000;
const NONE: ReadonlySet<string> = new Set();

export function useCancel(accountId: string): Cancelling {
  const { t, language } = useWords();
  const [asking, setAsking] = useState(NONE);
  const [checking, setChecking] = useState(NONE);
  const intents = useRef(new Map<string, string>()); // order → its cancel's id, kept for asking again
  const here = useRef(true);
  useEffect(() => {
    here.current = true;
    return () => {
      here.current = false;
    };
  }, []);

  const cancel = useCallback(
    (order: Order): void => {
      const id = intents.current.get(order.id) ?? newIntentId();
      intents.current.set(order.id, id);
      const tell = (text: string): void => {
        notices.show({ id: `cancel:${order.id}`, tone: "bad", title: text, text: order.symbol, lastsMs: null });
        notices.speak(text, "assertive");
      };
      const ask = async (): Promise<void> => {
        try {
          const answer = await postIntent(accountId, { id, kind: "cancel", order_id: order.id });
          if (answer.order !== null) stream.putOrder(answer.order);
          if (answer.reason !== null && answer.order?.status === order.status) {
            intents.current.delete(order.id);
            tell(t("tables.cancel_failed", { reason: reasonShort(t, answer.reason) }));
          }
        } catch (error) {
          if (error instanceof Refused) {
            intents.current.delete(order.id);
            tell(t("tables.cancel_failed", { reason: failureText(t, error, language).text }));
          } else if (error instanceof NoAnswer) {
            tell(t("tables.cancel_no_answer"));
            setChecking((before) => withOrder(before, order.id));
            const known = await isKnown(accountId, id, () => here.current && !isOver(accountId, order.id));
            // The id stays: pressed again it is the same cancel, should the first one arrive after all.
            if (known) notices.close(`cancel:${order.id}`);
            else if (here.current) tell(t("tables.cancel_not_seen"));
          } else throw error;
        }
      };
      setAsking((before) => withOrder(before, order.id));
      void ask().finally(() => {
        setAsking((before) => withoutOrder(before, order.id));
        setChecking((before) => withoutOrder(before, order.id));
      });
    },
    [accountId, language, t],
  );
  return { asking, checking, cancel };
}

/** Asks until the server says whether it has the cancel, as long as anybody `cares`; true too when nobody does any more. */
async function isKnown(accountId: string, id: string, cares: () => boolean): Promise<boolean> {
  while (cares()) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    try {
      await readIntent(accountId, id);
      return true;
    } catch (error) {
      if (error instanceof Refused) return error.problem.status !== 404;
      if (!(error instanceof NoAnswer)) throw error;
    }
  }
  return true;
}

/** Whether the stream has told the order's end. */
function isOver(accountId: string, orderId: string): boolean {
  const state = stream.account(accountId).get();
  const order = state.phase === "live" ? state.data.orders.get(orderId) : undefined;
  return order !== undefined && isTerminal(order.status);
}

function withOrder(ids: ReadonlySet<string>, id: string): ReadonlySet<string> {
  return new Set([...ids, id]);
}

function withoutOrder(ids: ReadonlySet<string>, id: string): ReadonlySet<string> {
  return new Set([...ids].filter((each) => each !== id));
}
