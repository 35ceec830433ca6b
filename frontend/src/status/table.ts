/**
 * The statuses of an order as the page shows them: icon, colour role, whether it is the last word.
 *
 * Lives here: the one table behind every chip. Roles, ends and moves are those of `core/order_status.py`; both are held
 * to `tests/data/statuses.json`. The words are in the catalogue `status`.
 */
import type { OrderStatus } from "../api/types";
import type { IconName } from "../ui/Icon";

export type StatusRole = "neutral" | "warning" | "info" | "accent" | "strong" | "muted" | "danger";

export type StatusRow = {
  readonly icon: IconName;
  readonly role: StatusRole;
  readonly terminal: boolean;
  readonly next: readonly OrderStatus[];
  /** Extra look: `spin` stops under reduced motion, `hatched` stays. */
  readonly look?: "spin" | "hatched";
};

export const STATUS_TABLE = {
  sending: {
    icon: "spinner",
    role: "neutral",
    terminal: false,
    next: ["acknowledged", "refused", "rejected", "unknown", "not_sent"],
    look: "spin",
  },
  refused: { icon: "shield", role: "warning", terminal: true, next: [] },
  not_sent: { icon: "hourglass", role: "warning", terminal: true, next: [] },
  acknowledged: {
    icon: "quarter",
    role: "info",
    terminal: false,
    next: ["waiting_trigger", "working", "partially_filled", "filled", "cancelled", "expired", "rejected"],
  },
  waiting_trigger: {
    icon: "clock",
    role: "info",
    terminal: false,
    next: ["working", "filled", "cancelled", "expired", "rejected"],
  },
  working: {
    icon: "ring",
    role: "accent",
    terminal: false,
    next: ["partially_filled", "filled", "cancelled", "expired"],
  },
  partially_filled: { icon: "half", role: "accent", terminal: false, next: ["filled", "cancelled", "expired"] },
  filled: { icon: "check", role: "strong", terminal: true, next: [] },
  cancel_requested: {
    icon: "spinner",
    role: "neutral",
    terminal: false,
    next: ["cancelled", "filled"],
    look: "spin",
  },
  cancelled: { icon: "barred", role: "muted", terminal: true, next: [] },
  amend_requested: {
    icon: "pencil",
    role: "neutral",
    terminal: false,
    next: ["waiting_trigger", "working", "partially_filled", "filled", "cancelled"],
  },
  rejected: { icon: "cross", role: "danger", terminal: true, next: [] },
  expired: { icon: "barred", role: "muted", terminal: true, next: [] },
  unknown: {
    icon: "question",
    role: "warning",
    terminal: false,
    next: ["acknowledged", "rejected", "not_placed"],
    look: "hatched",
  },
  not_placed: { icon: "barred", role: "muted", terminal: true, next: [] },
} as const satisfies Record<OrderStatus, StatusRow>;

export function statusRow(status: OrderStatus): StatusRow {
  return STATUS_TABLE[status];
}

export function isTerminal(status: OrderStatus): boolean {
  return STATUS_TABLE[status].terminal;
}

/** Statuses in which an order can still be asked to be cancelled. */
export function isCancellable(status: OrderStatus): boolean {
  switch (status) {
    case "acknowledged":
    case "waiting_trigger":
    case "working":
    case "partially_filled":
      return true;
    case "sending":
    case "refused":
    case "not_sent":
    case "filled":
    case "cancel_requested":
    case "cancelled":
    case "amend_requested":
    case "rejected":
    case "expired":
    case "unknown":
    case "not_placed":
      return false;
    default:
      return never(status);
  }
}

/** What a ticket does with its values once its order has this status: an acknowledgement clears, a refusal keeps. */
export function ticketOutcome(status: OrderStatus): "clear" | "keep" | "wait" {
  switch (status) {
    case "acknowledged":
    case "waiting_trigger":
    case "working":
    case "partially_filled":
    case "filled":
    case "cancel_requested":
    case "cancelled":
    case "amend_requested":
    case "expired":
      return "clear";
    case "refused":
    case "not_sent":
    case "rejected":
    case "not_placed":
      return "keep";
    case "sending":
    case "unknown":
      return "wait";
    default:
      return never(status);
  }
}

function never(status: never): never {
  throw new Error(`unknown status: ${String(status)}`);
}
