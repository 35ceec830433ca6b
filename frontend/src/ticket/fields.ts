/**
 * What is typed and chosen in a ticket, as text and as choices; what follows from the choices alone.
 *
 * Lives here: the fields, their blank state, reading them back from storage. Not here: what the texts mean (`reading`),
 * the order that they come to (`asked`), how far it has come (`state`).
 */
import Big from "big.js";
import type { Category, Instrument, OrderType, Side, SizingUnit, TimeInForce, TriggerBy } from "../api/types";

export const KINDS = ["Limit", "Market", "StopLimit", "StopMarket"] as const;
/** The two stop kinds wait for a trigger; on the tabs they are one, "Conditional". */
export type OrderKind = (typeof KINDS)[number];
export const EXIT_UNITS = ["price", "percent", "r"] as const;
/** How an exit is typed: its price, its distance from the entry in percent, or in multiples of the stop's distance (R). */
export type ExitUnit = (typeof EXIT_UNITS)[number];

export type LegFields = {
  readonly text: string; // as typed
  readonly unit: ExitUnit;
  readonly by: TriggerBy;
  readonly isLimit: boolean;
  readonly limit: string; // as typed; the price of the order that the exit then places
};

export type TicketFields = {
  readonly side: Side;
  readonly kind: OrderKind;
  readonly trigger: string; // as typed
  readonly triggerBy: TriggerBy;
  /** Which way the price was to come when the trigger was typed: it does not turn by itself when the price passes it. */
  readonly triggerRises: boolean | null;
  readonly price: string; // as typed
  readonly quantity: string; // as typed
  /** Null: nobody chose, so the usual one of the kind of order. */
  readonly unit: SizingUnit | null;
  readonly timeInForce: TimeInForce;
  readonly reduceOnly: boolean;
  readonly slippage: string; // as typed, percent
  readonly exits: boolean;
  readonly takeProfit: LegFields;
  readonly stopLoss: LegFields;
  readonly note: string;
};

const SIDES = ["Buy", "Sell"] as const;
const UNITS = ["base", "quote", "percent", "risk"] as const;
export const TIMES: readonly TimeInForce[] = ["GTC", "IOC", "FOK", "PostOnly"];
export const TRIGGERS: readonly TriggerBy[] = ["LastPrice", "MarkPrice", "IndexPrice"];

const BLANK_LEG: LegFields = { text: "", unit: "price", by: "LastPrice", isLimit: false, limit: "" };

export const BLANK: TicketFields = {
  side: "Buy",
  kind: "Limit",
  trigger: "",
  triggerBy: "LastPrice",
  triggerRises: null,
  price: "",
  quantity: "",
  unit: null,
  timeInForce: "GTC",
  reduceOnly: false,
  slippage: "0.5",
  exits: false,
  takeProfit: BLANK_LEG,
  stopLoss: BLANK_LEG,
  note: "",
};

/** Empty, but with how the person trades: the choices stay, what was typed for one order goes. */
export function emptied(fields: TicketFields): TicketFields {
  const { side, kind, triggerBy, unit, timeInForce, exits, slippage, takeProfit, stopLoss } = fields;
  const leg = ({ unit: legUnit, by, isLimit }: LegFields): LegFields => ({ ...BLANK_LEG, unit: legUnit, by, isLimit });
  const kept = { side, kind, triggerBy, unit, timeInForce, exits, slippage };
  return { ...BLANK, ...kept, takeProfit: leg(takeProfit), stopLoss: leg(stopLoss) };
}

export function orderTypeOf(kind: OrderKind): OrderType {
  return kind === "Limit" || kind === "StopLimit" ? "Limit" : "Market";
}

export function isConditional(kind: OrderKind): boolean {
  return kind === "StopLimit" || kind === "StopMarket";
}

/** The unit in force: the chosen one, else base coin, or quote coin where a spot market buy is usually named by its cost. */
export function unitOf(fields: Pick<TicketFields, "unit" | "kind" | "side">, category: Category): SizingUnit {
  return fields.unit ?? (category === "spot" && fields.kind === "Market" && fields.side === "Buy" ? "quote" : "base");
}

/** Whether the order goes to the exchange as an amount of the quote coin, which then decides the quantity. */
export function isAmount(fields: Pick<TicketFields, "unit" | "kind" | "side">, category: Category): boolean {
  return category === "spot" && fields.kind === "Market" && unitOf(fields, category) === "quote";
}

/** Nobody asks for less than a cent of the quote coin, however fine the exchange would take it. */
export function amountStep(instrument: Pick<Instrument, "quote_step">): string {
  const finest = "0.01";
  return instrument.quote_step === null || new Big(instrument.quote_step).lt(finest) ? finest : instrument.quote_step;
}

/** Fields out of storage: whatever does not fit, of an older release or broken, is as if never typed. */
export function readFields(saved: unknown): TicketFields {
  const of = isRecord(saved) ? saved : {};
  const unit = UNITS.find((each) => each === of["unit"]) ?? null;
  return {
    side: oneOf(SIDES, of["side"], BLANK.side),
    kind: oneOf(KINDS, of["kind"], BLANK.kind),
    trigger: text(of["trigger"], BLANK.trigger),
    triggerBy: oneOf(TRIGGERS, of["triggerBy"], BLANK.triggerBy),
    triggerRises: typeof of["triggerRises"] === "boolean" ? of["triggerRises"] : null,
    price: text(of["price"], BLANK.price),
    quantity: text(of["quantity"], BLANK.quantity),
    unit,
    timeInForce: oneOf(TIMES, of["timeInForce"], BLANK.timeInForce),
    reduceOnly: of["reduceOnly"] === true,
    slippage: text(of["slippage"], BLANK.slippage),
    exits: of["exits"] === true,
    takeProfit: readLeg(of["takeProfit"]),
    stopLoss: readLeg(of["stopLoss"]),
    note: text(of["note"], BLANK.note),
  };
}

function readLeg(saved: unknown): LegFields {
  const of = isRecord(saved) ? saved : {};
  return {
    text: text(of["text"], BLANK_LEG.text),
    unit: oneOf(EXIT_UNITS, of["unit"], BLANK_LEG.unit),
    by: oneOf(TRIGGERS, of["by"], BLANK_LEG.by),
    isLimit: of["isLimit"] === true,
    limit: text(of["limit"], BLANK_LEG.limit),
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function oneOf<T extends string>(allowed: readonly T[], value: unknown, otherwise: T): T {
  return allowed.find((each) => each === value) ?? otherwise;
}

function text(value: unknown, otherwise: string): string {
  return typeof value === "string" ? value : otherwise;
}
