/** Keeps a ticket over a reload: in this tab's session storage, per account and instrument, never longer. */
import { emptied, readFields, type TicketFields } from "./fields";
import { freshTicket, isEditable, type Ticket, type TicketPhase } from "./state";

const PREFIX = "tradewright.ticket.";

export function saveDraft(key: string, ticket: Ticket): void {
  try {
    sessionStorage.setItem(PREFIX + key, JSON.stringify(ticket));
  } catch {
    // Without storage a reload loses the draft; the order itself is the server's.
  }
}

/** The draft, or a fresh ticket. A POST that was on its way when the page went is one without an answer. */
export function loadDraft(key: string, freshId: string): Ticket {
  let saved: unknown = null;
  try {
    saved = JSON.parse(sessionStorage.getItem(PREFIX + key) ?? "null");
  } catch {
    return freshTicket(freshId);
  }
  if (!isTicket(saved)) return freshTicket(freshId);
  const fields = readFields(saved.fields);
  const phase = resumed(saved.phase);
  // A form that was never sent needs no id of the past. A duplicated tab begins with the same draft: with the same id its
  // order would count as the other tab's, and nothing would be placed.
  return { intentId: isEditable(phase) ? freshId : saved.intentId, fields, phase };
}

function resumed(phase: TicketPhase): TicketPhase {
  if (phase.kind === "sending") return { kind: "unanswered", body: phase.body, notSeen: false };
  // The log-in that was missing has been made since.
  if (phase.kind === "refused_by_server" && phase.problem.status === 401) return { kind: "editing" };
  return phase;
}

/** Whoever logs out leaves nothing typed behind for the next person at this screen. */
export function forgetDrafts(): void {
  for (const key of keysKept()) sessionStorage.removeItem(key);
}

function keysKept(): string[] {
  try {
    return Object.keys(sessionStorage).filter((key) => key.startsWith(PREFIX));
  } catch {
    return []; // without storage nothing was kept
  }
}

/** Empties every ticket that was typed for another account and not sent; whether there was one. What was sent stays. */
export function emptyDraftsOfOthers(accountId: string): boolean {
  const typed = typedForOthers(accountId);
  for (const [key, ticket] of typed) saveDraft(key, { ...ticket, fields: emptied(ticket.fields), phase: { kind: "editing" } });
  return typed.length > 0;
}

/** Whether something is typed, and not sent, for another account. */
export function hasTyped(otherThan: string): boolean {
  return typedForOthers(otherThan).length > 0;
}

function typedForOthers(accountId: string): [string, Ticket][] {
  return keysKept()
    .filter((key) => !key.startsWith(`${PREFIX}${accountId}:`))
    .map((key): [string, Ticket] => [key.slice(PREFIX.length), loadDraft(key.slice(PREFIX.length), "")])
    .filter(([, ticket]) => isEditable(ticket.phase) && isTyped(ticket.fields));
}

function isTyped(fields: TicketFields): boolean {
  const { trigger, price, quantity, note, takeProfit, stopLoss } = fields;
  return [trigger, price, quantity, note, takeProfit.text, takeProfit.limit, stopLoss.text, stopLoss.limit].some((text) => text.trim() !== "");
}

function isTicket(value: unknown): value is Ticket {
  if (typeof value !== "object" || value === null) return false;
  const { intentId, fields, phase } = value as Record<string, unknown>;
  return typeof intentId === "string" && typeof fields === "object" && typeof phase === "object" && phase !== null && "kind" in phase;
}
