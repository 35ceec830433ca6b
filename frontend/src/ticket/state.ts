/**
 * The ticket as a value: its fields, and how far its one intent has come.
 *
 * Lives here: the states of a ticket and the moves between them. Not here: the fields (`fields`), calls, words, React.
 * An intent's id is made once per form. It is used again for every retry of the same form, and a new form gets a new one
 * only when the old intent's fate is known.
 */
import type { Problem } from "../api/errors";
import type { IntentAnswer, OrderStatus, PlaceIntent, Reason } from "../api/types";
import { ticketOutcome } from "../status/table";
import { BLANK, emptied, type TicketFields } from "./fields";

export type TicketPhase =
  | { readonly kind: "editing" }
  /** The POST is on its way. */
  | { readonly kind: "sending"; readonly body: PlaceIntent }
  /** Answered, but the exchange's verdict is still out: the stream will tell. */
  | { readonly kind: "waiting"; readonly body: PlaceIntent; readonly status: "sending" | "unknown" }
  /**
   * The server did not answer: the same body with the same id may be asked again, nothing else. `notSeen` says that it
   * did not know the intent when asked, which is no proof: the request may still be on its way.
   */
  | { readonly kind: "unanswered"; readonly body: PlaceIntent; readonly notSeen: boolean }
  /** Not placed, values kept. */
  | { readonly kind: "turned_down"; readonly status: OrderStatus; readonly reason: Reason | null }
  | { readonly kind: "refused_by_server"; readonly problem: Problem };

export type Ticket = { readonly intentId: string; readonly fields: TicketFields; readonly phase: TicketPhase };

export type TicketAction =
  | { readonly kind: "edited"; readonly change: Partial<TicketFields> }
  | { readonly kind: "submitted"; readonly body: PlaceIntent }
  | { readonly kind: "answered"; readonly answer: Pick<IntentAnswer, "intent_id" | "status" | "reason">; readonly nextId: string }
  | { readonly kind: "no_answer"; readonly intentId: string }
  | { readonly kind: "refused"; readonly intentId: string; readonly problem: Problem; readonly nextId: string }
  | { readonly kind: "asked_again" }
  | { readonly kind: "not_seen"; readonly intentId: string }
  | { readonly kind: "put_aside"; readonly nextId: string }
  | { readonly kind: "cleared"; readonly nextId: string };

export function freshTicket(intentId: string): Ticket {
  return { intentId, fields: BLANK, phase: { kind: "editing" } };
}

/** Whether the fields may be changed: not while this form's intent has an unknown fate. */
export function isEditable(phase: TicketPhase): boolean {
  return phase.kind === "editing" || phase.kind === "turned_down" || phase.kind === "refused_by_server";
}

/** The intent whose fate this form waits for, if any. */
export function awaitedIntent(ticket: Ticket): string | null {
  return isEditable(ticket.phase) ? null : ticket.intentId;
}

export function ticketReducer(ticket: Ticket, action: TicketAction): Ticket {
  switch (action.kind) {
    case "edited":
      if (!isEditable(ticket.phase)) return ticket;
      return { ...ticket, fields: { ...ticket.fields, ...action.change }, phase: { kind: "editing" } };
    case "submitted":
      if (!isEditable(ticket.phase) || action.body.id !== ticket.intentId) return ticket;
      return { ...ticket, phase: { kind: "sending", body: action.body } };
    case "asked_again":
      if (ticket.phase.kind !== "unanswered" && ticket.phase.kind !== "waiting") return ticket;
      return { ...ticket, phase: { kind: "sending", body: ticket.phase.body } };
    case "no_answer": {
      if (action.intentId !== ticket.intentId || ticket.phase.kind !== "sending") return ticket;
      return { ...ticket, phase: { kind: "unanswered", body: ticket.phase.body, notSeen: false } };
    }
    case "answered":
      return answered(ticket, action.answer, action.nextId);
    case "refused":
      if (action.intentId !== ticket.intentId) return ticket;
      return { ...ticket, intentId: action.nextId, phase: { kind: "refused_by_server", problem: action.problem } };
    case "not_seen":
      if (action.intentId !== ticket.intentId || ticket.phase.kind !== "unanswered") return ticket;
      return { ...ticket, phase: { ...ticket.phase, notSeen: true } };
    case "put_aside":
    case "cleared":
      return cleared(ticket, action.nextId);
    default:
      return unheard(action, ticket);
  }
}

function answered(ticket: Ticket, answer: Pick<IntentAnswer, "intent_id" | "status" | "reason">, nextId: string): Ticket {
  const { phase } = ticket;
  if (answer.intent_id !== ticket.intentId) return ticket;
  if (phase.kind !== "sending" && phase.kind !== "waiting" && phase.kind !== "unanswered") return ticket;
  switch (ticketOutcome(answer.status)) {
    case "clear":
      return cleared(ticket, nextId);
    case "keep":
      return { ...ticket, intentId: nextId, phase: { kind: "turned_down", status: answer.status, reason: answer.reason } };
    case "wait":
      return { ...ticket, phase: { kind: "waiting", body: phase.body, status: answer.status === "unknown" ? "unknown" : "sending" } };
    default:
      return ticket;
  }
}

/** An empty form that keeps how the person trades. */
function cleared(ticket: Ticket, nextId: string): Ticket {
  return { intentId: nextId, fields: emptied(ticket.fields), phase: { kind: "editing" } };
}

function unheard(_action: never, ticket: Ticket): Ticket {
  return ticket;
}
