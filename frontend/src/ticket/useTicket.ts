/**
 * The ticket's effects: sending, asking again, listening for its order, keeping the draft over a reload.
 *
 * Lives here: the calls and the stream around `state`. One intent is sent for one form; whatever is lost on the way is
 * asked for by the same id, never sent as another.
 */
import { useCallback, useEffect, useReducer } from "react";
import { postIntent, readIntent } from "../api/calls";
import { NoAnswer, Refused } from "../api/errors";
import { newIntentId } from "../api/intent";
import type { PlaceIntent } from "../api/types";
import { signedOut, stream } from "../app/services";
import { useLink, useSignal } from "../stream/hooks";
import { loadDraft, saveDraft } from "./draft";
import type { TicketFields } from "./fields";
import { awaitedIntent, ticketReducer, type Ticket } from "./state";

export type TicketControls = {
  readonly ticket: Ticket;
  readonly edit: (change: Partial<TicketFields>) => void;
  readonly submit: (body: PlaceIntent) => void;
  readonly askAgain: () => void;
  readonly putAside: () => void;
};

export function useTicket(accountId: string, draftKey: string): TicketControls {
  const [ticket, dispatch] = useReducer(ticketReducer, draftKey, (key) => loadDraft(key, newIntentId()));
  const link = useLink();
  const state = useSignal(stream.account(accountId));
  const awaited = awaitedIntent(ticket);
  const order = awaited !== null && state.phase === "live" ? state.data.orders.get(awaited) : undefined;

  useEffect(() => saveDraft(draftKey, ticket), [draftKey, ticket]);

  const send = useCallback(
    async (body: PlaceIntent): Promise<void> => {
      try {
        const answer = await postIntent(accountId, body);
        if (answer.order !== null) stream.putOrder(answer.order);
        dispatch({ kind: "answered", answer, nextId: newIntentId() });
      } catch (error) {
        if (error instanceof Refused && isVerdict(error)) {
          dispatch({ kind: "refused", intentId: body.id, problem: error.problem, nextId: newIntentId() });
        } else {
          dispatch({ kind: "no_answer", intentId: body.id });
        }
      }
    },
    [accountId],
  );

  /** Reads the fate of an intent. That the server does not know it is told, but proves nothing: it may still arrive. */
  const lookUp = useCallback(
    async (intentId: string): Promise<void> => {
      try {
        const answer = await readIntent(accountId, intentId);
        if (answer.order !== null) stream.putOrder(answer.order);
        dispatch({ kind: "answered", answer, nextId: newIntentId() });
      } catch (error) {
        if (error instanceof Refused && error.problem.status === 404) {
          dispatch({ kind: "not_seen", intentId });
        } else if (!(error instanceof NoAnswer) && !(error instanceof Refused)) {
          throw error;
        }
      }
    },
    [accountId],
  );

  // The stream is often quicker than the answer, and the only word when the answer is lost.
  useEffect(() => {
    if (order === undefined) return;
    const answer = { intent_id: order.id, status: order.status, reason: order.reason };
    dispatch({ kind: "answered", answer, nextId: newIntentId() });
  }, [order]);

  const { phase } = ticket;
  // Nothing was sent for want of a log-in, and it has been made since: the form is as it was.
  const wantedLogIn = !useSignal(signedOut) && phase.kind === "refused_by_server" && phase.problem.code === "session.required";
  useEffect(() => {
    if (wantedLogIn) dispatch({ kind: "edited", change: {} });
  }, [wantedLogIn]);

  const unanswered = phase.kind === "unanswered" ? ticket.intentId : null;
  useEffect(() => {
    if (unanswered !== null && link.state === "live") void lookUp(unanswered);
  }, [unanswered, link.state, lookUp]);

  return {
    ticket,
    edit: useCallback((change: Partial<TicketFields>) => dispatch({ kind: "edited", change }), []),
    submit: useCallback(
      (body: PlaceIntent) => {
        dispatch({ kind: "submitted", body });
        void send(body);
      },
      [send],
    ),
    askAgain: () => {
      if (phase.kind !== "unanswered" && phase.kind !== "waiting") return;
      const { body } = phase;
      if (phase.kind === "waiting") void lookUp(body.id);
      else {
        dispatch({ kind: "asked_again" });
        void send(body);
      }
    },
    putAside: () => dispatch({ kind: "put_aside", nextId: newIntentId() }),
  };
}

/**
 * Whether the refusal says for certain that nothing was placed. A 5xx does not: it may come after the intent was kept,
 * so the same intent is asked for again instead of making another.
 */
function isVerdict(error: Refused): boolean {
  return error.problem.status < 500;
}
