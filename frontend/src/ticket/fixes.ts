/** What can be done about a finding at the press of a button: the change of the ticket that it comes to. */
import Big from "big.js";
import type { Instrument } from "../api/types";
import { grouping, plain, type Language } from "../format/number";
import type { Words } from "../i18n/words";
import { toStepUp, type Finding } from "../rules/order";
import { SLIPPAGE_MAX, SLIPPAGE_MIN } from "../rules/place";
import type { Asked } from "./asked";
import type { TicketFields } from "./fields";
import type { Path } from "./reading";

export type Fix = { readonly label: string } & (
  | { readonly kind: "edit"; readonly change: Partial<TicketFields> }
  | { readonly kind: "leverage" }
);

/** What a pressed suggestion puts into a field. */
export function withValue(fields: TicketFields, path: Path, value: string): Partial<TicketFields> {
  switch (path) {
    case "trigger.price":
      return { trigger: value, triggerRises: null };
    case "price":
      return { price: value };
    case "quantity":
      return { quantity: value };
    case "slippage_percent":
      return { slippage: value };
    case "take_profit.trigger_price":
      return { takeProfit: { ...fields.takeProfit, text: value, unit: "price" } };
    case "take_profit.limit_price":
      return { takeProfit: { ...fields.takeProfit, limit: value } };
    case "stop_loss.trigger_price":
      return { stopLoss: { ...fields.stopLoss, text: value, unit: "price" } };
    case "stop_loss.limit_price":
      return { stopLoss: { ...fields.stopLoss, limit: value } };
    default:
      return unheard(path);
  }
}

function unheard(_path: never): Partial<TicketFields> {
  return {};
}

export function fixFor(t: Words, finding: Finding, path: Path, fields: TicketFields, asked: Asked, instrument: Instrument, language: Language): Fix | null {
  const { params } = finding;
  const offer = (value: string | undefined, change?: Partial<TicketFields>): Fix | null =>
    value === undefined || value === "" || new Big(value).lte(0)
      ? null
      : { kind: "edit", label: t("ticket.use", { value: grouping(value, language) }), change: change ?? withValue(fields, path, value) };
  // A suggested quantity is one in base coin, unless the order itself names an amount.
  const size = (value: string | undefined): Fix | null =>
    offer(value, asked.draft.quantityUnit === "quote" ? { quantity: value ?? "" } : { quantity: value ?? "", unit: "base" });
  switch (finding.code) {
    case "order.price_tick":
    case "leverage.step":
      return offer(params["suggestion"]);
    case "order.quantity_step":
      return size(params["suggestion"]);
    case "order.quantity_min":
    case "sizing.too_small":
      return size(params["minimum"]);
    case "order.quantity_max":
      return size(params["maximum"]);
    case "order.notional_min":
      return size(worthEnough(asked, instrument));
    case "order.available":
    case "order.available_low":
      return size(asked.most ?? undefined);
    case "order.reduce_only_capped":
      return size(params["position"]);
    case "order.price_band":
      return offer(params["bound"]);
    case "order.would_execute":
      return offer(behind(params["best"], asked, instrument));
    case "order.slippage_range":
      return offer(new Big(params["value"] ?? 0).gt(1) ? SLIPPAGE_MAX : SLIPPAGE_MIN);
    case "order.nothing_to_reduce":
      return { kind: "edit", label: t("ticket.fix_not_reduce"), change: { reduceOnly: false } };
    case "order.exits_spot_limit":
      return { kind: "edit", label: t("ticket.fix_no_exits"), change: { exits: false } };
    case "order.trigger_by_spot":
      return { kind: "edit", label: t("ticket.fix_by_last"), change: { triggerBy: "LastPrice", triggerRises: null } };
    case "order.trigger_passed":
      return { kind: "edit", label: t("ticket.fix_turn_trigger"), change: { triggerRises: null } };
    case "sizing.risk_needs_stop":
    case "exits.r_needs_stop":
      return fields.exits ? null : { kind: "edit", label: t("ticket.fix_set_stop"), change: { exits: true, reduceOnly: false } };
    case "order.tier_leverage":
      return { kind: "leverage", label: t("ticket.change_leverage") };
    default:
      return null;
  }
}

function worthEnough(asked: Asked, instrument: Instrument): string | undefined {
  if (asked.draft.quantityUnit === "quote") return instrument.min_notional;
  if (asked.entry === null || new Big(asked.entry).lte(0)) return undefined;
  return plain(toStepUp(new Big(instrument.min_notional).div(asked.entry), new Big(instrument.quantity_step)));
}

/** One tick on this side of the opposite best: the nearest price that only adds to the book. */
function behind(best: string | undefined, asked: Asked, instrument: Instrument): string | undefined {
  if (best === undefined) return undefined;
  return plain(asked.draft.side === "Buy" ? new Big(best).minus(instrument.tick_size) : new Big(best).plus(instrument.tick_size));
}
