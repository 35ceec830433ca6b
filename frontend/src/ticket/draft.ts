/** Keeps a ticket over a reload: in this tab's session storage, per account and instrument, never longer. */
import { BLANK, freshTicket, type Ticket } from "./state";

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
  const fields = { ...BLANK, ...saved.fields };
  const phase = saved.phase.kind === "sending" ? { kind: "unanswered" as const, body: saved.phase.body, notSeen: false } : saved.phase;
  return { intentId: saved.intentId, fields, phase };
}

function isTicket(value: unknown): value is Ticket {
  if (typeof value !== "object" || value === null) return false;
  const { intentId, fields, phase } = value as Record<string, unknown>;
  return typeof intentId === "string" && typeof fields === "object" && typeof phase === "object" && phase !== null && "kind" in phase;
}
