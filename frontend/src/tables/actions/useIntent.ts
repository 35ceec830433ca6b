/**
 * Asking for one thing from a dialog: one id for its life, "sending" until the answer, the reason when there is one.
 *
 * The answer is not the end: what becomes of it comes by the stream. A dialog closes once the exchange has taken it.
 */
import { useCallback, useRef, useState } from "react";
import { postIntent } from "../../api/calls";
import { NoAnswer, Refused } from "../../api/errors";
import { newIntentId } from "../../api/intent";
import type { Intent, IntentAnswer } from "../../api/types";
import { notices, stream } from "../../app/services";
import { useWords } from "../../i18n/useWords";
import { failureText, reasonLong } from "../../i18n/words";

type WithoutId<T> = T extends { id: string } ? Omit<T, "id"> : never;
export type Wish = WithoutId<Intent>;

export type Asking = {
  readonly phase: "idle" | "sending" | "unknown";
  /** Why it was not taken, in words; null while nothing is wrong. */
  readonly fault: string | null;
  readonly ask: (wish: Wish) => void;
};

export function useIntent(accountId: string, options: { readonly said: string; readonly onTaken: (answer: IntentAnswer) => void }): Asking {
  const { t, language } = useWords();
  const [state, setState] = useState<{ phase: Asking["phase"]; fault: string | null }>({ phase: "idle", fault: null });
  const pending = useRef<{ id: string; wish: string } | null>(null);

  const ask = useCallback(
    (wish: Wish): void => {
      const text = JSON.stringify(wish);
      // The same wish again is the same intent: nobody knows yet what became of it.
      const id = pending.current?.wish === text ? pending.current.id : newIntentId();
      pending.current = { id, wish: text };
      setState({ phase: "sending", fault: null });
      postIntent(accountId, { ...wish, id } as Intent).then(
        (answer) => {
          if (answer.order !== null) stream.putOrder(answer.order);
          if (answer.reason !== null && isNo(answer)) {
            pending.current = null;
            setState({ phase: "idle", fault: reasonLong(t, answer.reason, language) });
            return;
          }
          if (answer.status === "sending" || answer.status === "unknown") {
            notices.show({ id: `intent:${id}`, tone: "bad", title: t("actions.unknown"), text: options.said, lastsMs: null });
            notices.speak(`${options.said}: ${t("actions.unknown")}`, "assertive");
          } else {
            notices.speak(t("actions.taken", { what: options.said }));
          }
          pending.current = null;
          setState({ phase: "idle", fault: null });
          options.onTaken(answer);
        },
        (error: unknown) => {
          if (error instanceof Refused) {
            pending.current = null;
            setState({ phase: "idle", fault: failureText(t, error, language).text });
          } else if (error instanceof NoAnswer) setState({ phase: "unknown", fault: t("actions.no_answer") });
          else throw error;
        },
      );
    },
    [accountId, language, options, t],
  );
  return { ...state, ask };
}

/** Whether an answer says that it did not happen: of a place its own status, of the rest the reason beside an order that lives on. */
export function isNo(answer: Pick<IntentAnswer, "kind" | "status">): boolean {
  if (answer.kind === "amend" || answer.kind === "cancel") return answer.status !== "amend_requested" && answer.status !== "cancel_requested" && answer.status !== "unknown";
  return answer.status === "refused" || answer.status === "rejected" || answer.status === "not_sent" || answer.status === "not_placed";
}
