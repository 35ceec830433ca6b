/** What goes over the wire: the intent of a ticket, and the question for a preview of it. */
import type { ExitBody, Instrument, PlaceIntent, PreviewBody, TriggerBody } from "../api/types";
import type { Draft, Exit } from "../rules/place";
import type { Asked } from "./asked";
import type { Checked } from "./checks";
import type { Ticket } from "./state";

/** The intent to send, or null while something is in the way. */
export function intentOf(ticket: Ticket, checked: Checked, instrument: Instrument): PlaceIntent | null {
  if (checked.block !== null) return null;
  const { draft } = checked.asked;
  return { id: ticket.intentId, kind: "place", ...orderBody(draft, instrument), quantity: draft.quantity, quantity_unit: draft.quantityUnit, note: draft.note };
}

/** The question for a preview, in the unit that was typed; null while there is nothing to ask. */
export function previewBody(asked: Asked, instrument: Instrument): PreviewBody | null {
  const { draft, size } = asked;
  if (size === null || (draft.orderType === "Limit" && draft.price === null)) return null;
  const isWaiting = asked.readings["trigger.price"] !== undefined;
  if (isWaiting && draft.trigger === null) return null;
  return { ...orderBody(draft, instrument), quantity: size, quantity_unit: asked.unit };
}

function orderBody(draft: Draft, instrument: Instrument) {
  return {
    category: instrument.category,
    symbol: instrument.symbol,
    side: draft.side,
    order_type: draft.orderType,
    price: draft.price,
    time_in_force: draft.timeInForce,
    reduce_only: draft.reduceOnly,
    trigger: draft.trigger satisfies TriggerBody | null,
    take_profit: exitBody(draft.takeProfit),
    stop_loss: exitBody(draft.stopLoss),
    slippage_percent: draft.slippagePercent,
  };
}

function exitBody(exit: Exit | null): ExitBody | null {
  return exit === null ? null : { trigger_price: exit.triggerPrice, trigger_by: exit.triggerBy, limit_price: exit.limitPrice };
}
