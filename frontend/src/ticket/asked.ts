/**
 * What a ticket asks for: its texts read, its exits and its size worked out, put together as one order.
 *
 * Lives here: from typed fields and the market of the moment to a `Draft` of the rules. Not here: whether it may go
 * (`checks`), how it is sent (`intents`). Everything is computed from what is shown; nothing is asked of the server.
 */
import Big from "big.js";
import type { Account, AccountSymbol, Balances, Instrument, Position, SizingUnit } from "../api/types";
import { plain, type Language } from "../format/number";
import { exitPrice } from "../rules/exits";
import { toStepDown, toStepUp, type Finding } from "../rules/order";
import { priceBy, type Quotes, type Standing } from "../rules/parts";
import { entryPrice, type Draft, type Exit, type Trigger } from "../rules/place";
import { previewOf, type Depth, type Holding, type Means, type OrderPreview } from "../rules/preview";
import { quantityOf, type Sized, type Sizing } from "../rules/sizing";
import { amountStep, isAmount, isConditional, orderTypeOf, unitOf, type LegFields, type TicketFields } from "./fields";
import { numberOf, readField, withoutShare, type FieldState, type Path } from "./reading";

/** What is known of the account for this instrument; null where it is not. */
export type Facts = {
  readonly leverage: string | null;
  readonly fees: { readonly maker: string; readonly taker: string } | null;
  readonly feesAssumed: boolean;
  readonly position: Position | null;
  /** Whether the account's positions are surely those of the exchange: then none means flat. */
  readonly known: boolean;
  readonly balances: Balances | null;
  readonly marginMode: Account["margin_mode"];
  readonly positionMode: AccountSymbol["position_mode"];
};

export type Asked = {
  readonly readings: Readonly<Partial<Record<Path, FieldState>>>;
  /** The unit that the quantity is in, also when a percent sign was typed. */
  readonly unit: SizingUnit;
  /** What is asked in that unit: of a risk in percent the amount. */
  readonly size: string | null;
  /** The quantity in base coin, what is missing to say it, or null while nothing is typed. */
  readonly sized: Sized | null;
  /** What 100 % of the available would come to (base coin; of an amount quote coin). */
  readonly most: string | null;
  readonly entry: string | null;
  readonly trigger: Trigger | null;
  /** Of a conditional order: the price that its trigger watches. */
  readonly triggerCurrent: string | null;
  /** What could not be worked out, with the field that misses something. */
  readonly gaps: readonly Finding[];
  /** The order as far as it is typed: a missing quantity is zero. */
  readonly draft: Draft;
  readonly available: string | null;
  readonly preview: OrderPreview;
  readonly standing: Standing;
};

const DEFAULT_TAKER = "0";

export function askedOf(fields: TicketFields, instrument: Instrument, quotes: Quotes, book: Depth | null, facts: Facts, language: Language): Asked {
  const orderType = orderTypeOf(fields.kind);
  const { category } = instrument;
  const readings: Partial<Record<Path, FieldState>> = {};
  const gaps: Finding[] = [];
  const triggerCurrent = isConditional(fields.kind) ? priceBy(quotes, fields.triggerBy) : null;
  if (isConditional(fields.kind)) readings["trigger.price"] = relative(fields.trigger, triggerCurrent, instrument, fields.side === "Buy", language);
  if (orderType === "Limit") readings.price = relative(fields.price, quotes.last, instrument, fields.side === "Sell", language);
  const trigger = triggerOf(fields, readings["trigger.price"], triggerCurrent);
  const price = numberOf(readings.price ?? { kind: "empty" });
  const entry = entryPrice({ side: fields.side, orderType, price, trigger }, quotes);

  const legs = exitsOf(fields, instrument, entry, readings, gaps, language);
  if (fields.kind === "Market") readings.slippage_percent = readField(fields.slippage, language);
  const slippagePercent = numberOf(readings.slippage_percent ?? { kind: "empty" });

  const available = availableOf(instrument, fields, facts);
  const by: Sizing = {
    side: fields.side,
    orderType,
    price: entry,
    slippagePercent: fields.kind === "Market" ? slippagePercent : null,
    stopLoss: legs.stopLoss?.triggerPrice ?? null,
    reduceOnly: fields.reduceOnly,
    available,
    reducible: reducible(fields, facts),
    leverage: facts.leverage,
    takerRate: facts.fees?.taker ?? DEFAULT_TAKER,
  };
  const typed = readField(fields.quantity, language);
  readings.quantity = typed;
  const amount = isAmount(fields, category) && !(typed.kind === "number" && typed.share);
  const { unit, size } = sizeOf(typed, unitOf(fields, category), facts);
  const sized = size === null || amount ? null : quantityOf(instrument, unit, size, by);
  const most = amount ? mostAmount(instrument, fields.side === "Buy" ? "1" : entry, available) : mostOf(instrument, by);
  if (typed.kind === "number" && size === null) gaps.push({ code: "sizing.needs_equity", field: "quantity", params: {} });
  if (sized?.kind === "missing") gaps.push(sized.finding);
  else if (sized?.kind === "quantity" && unit !== "base" && new Big(sized.quantity).eq(0)) {
    gaps.push({ code: "sizing.too_small", field: "quantity", params: { minimum: plain(new Big(instrument.min_quantity)), coin: instrument.base_coin } });
  }
  const draft: Draft = {
    side: fields.side,
    orderType,
    quantity: amount ? (size ?? "0") : sized?.kind === "quantity" ? sized.quantity : "0",
    quantityUnit: amount ? "quote" : "base",
    price,
    timeInForce: orderType === "Limit" ? fields.timeInForce : "IOC",
    reduceOnly: fields.reduceOnly,
    trigger,
    takeProfit: legs.takeProfit,
    stopLoss: legs.stopLoss,
    slippagePercent,
    note: fields.note.trim() === "" ? null : fields.note.trim(),
  };
  const preview = previewOf(instrument, draft, quotes, book, holdingOf(facts.position), meansOf(facts));
  return {
    readings,
    unit,
    size,
    sized,
    most,
    entry,
    trigger,
    triggerCurrent,
    gaps,
    draft,
    available,
    preview,
    standing: standingOf(instrument, facts, preview, available),
  };
}

/** A price, or a distance from the market such as `+1%` or `-0.5%`: without a sign nobody could tell what is meant. */
function relative(typed: string, from: string | null, instrument: Instrument, roundUp: boolean, language: Language): FieldState {
  const field = readField(typed, language);
  if (field.kind !== "number" || !field.share) return field;
  if (from === null || !/^\s*[+\-\u2212]/.test(typed)) return withoutShare(field, typed);
  const moved = new Big(from).times(new Big(field.value).div(100).plus(1));
  const tick = new Big(instrument.tick_size);
  if (moved.lte(0)) return withoutShare(field, typed);
  return { kind: "number", value: plain(roundUp ? toStepUp(moved, tick) : toStepDown(moved, tick)), share: true };
}

/** The trigger with its direction: the one it had when it was typed, else as the price stands now. */
function triggerOf(fields: TicketFields, field: FieldState | undefined, current: string | null): Trigger | null {
  if (field?.kind !== "number") return null;
  const rises = fields.triggerRises ?? (current === null ? null : new Big(field.value).gt(current));
  return rises === null ? null : { price: field.value, by: fields.triggerBy, rises };
}

type Legs = { readonly takeProfit: Exit | null; readonly stopLoss: Exit | null };
type LegName = "take_profit" | "stop_loss";

function exitsOf(
  fields: TicketFields,
  instrument: Instrument,
  entry: string | null,
  readings: Partial<Record<Path, FieldState>>,
  gaps: Finding[],
  language: Language,
): Legs {
  if (!fields.exits || fields.reduceOnly) return { takeProfit: null, stopLoss: null };
  const leg = (name: LegName, typed: LegFields, stopLoss: string | null): Exit | null => {
    const text = typed.unit === "r" ? typed.text.replace(/[rR]\s*$/, "") : typed.text;
    const field = readField(text, language);
    readings[`${name}.trigger_price`] = field;
    const limit = typed.isLimit ? withoutShare(readField(typed.limit, language), typed.limit) : null;
    if (limit !== null) readings[`${name}.limit_price`] = limit;
    if (field.kind !== "number") return null;
    const unit = field.share ? "percent" : typed.unit;
    const found = legPrice(instrument, fields.side, name, unit, field.value, entry, stopLoss);
    if (typeof found === "string") return { triggerPrice: found, triggerBy: typed.by, limitPrice: limit === null ? null : numberOf(limit) };
    gaps.push(found);
    return null;
  };
  // The stop first: a target in R is measured by it.
  const stopLoss = leg("stop_loss", fields.stopLoss, null);
  return { stopLoss, takeProfit: leg("take_profit", fields.takeProfit, stopLoss?.triggerPrice ?? null) };
}

/** The price of an exit as it was typed, or what is missing to say it. */
function legPrice(
  instrument: Instrument,
  side: TicketFields["side"],
  name: LegName,
  unit: LegFields["unit"],
  value: string,
  entry: string | null,
  stopLoss: string | null,
): string | Finding {
  const missing = (code: string): Finding => ({ code, field: `${name}.trigger_price`, params: {} });
  if (unit === "price") return value;
  if (entry === null) return missing("exits.needs_entry");
  if (unit === "percent") return exitPrice(instrument, side, name, entry, { unit, value }) ?? missing("exits.distance");
  if (stopLoss === null) return missing("exits.r_needs_stop");
  return exitPrice(instrument, side, name, entry, { unit, value, stopLoss }) ?? missing("exits.distance");
}

function sizeOf(typed: FieldState, chosen: SizingUnit, facts: Facts): { unit: SizingUnit; size: string | null } {
  if (typed.kind !== "number") return { unit: chosen, size: null };
  if (!typed.share) return { unit: chosen, size: typed.value };
  if (chosen !== "risk") return { unit: "percent", size: typed.value };
  // A risk in percent is one of the equity.
  const equity = facts.balances?.total_equity ?? null;
  return { unit: "risk", size: equity === null ? null : plain(new Big(equity).times(typed.value).div(100).round(2, 0)) };
}

/** In the coin that the order costs: quote coin, for a spot sell base coin. */
function availableOf(instrument: Instrument, fields: TicketFields, facts: Facts): string | null {
  if (facts.balances === null) return null;
  if (instrument.category === "linear") return facts.balances.total_available;
  const coin = fields.side === "Sell" ? instrument.base_coin : instrument.quote_coin;
  return facts.balances.coins.find((each) => each.coin === coin)?.available ?? "0";
}

function reducible(fields: TicketFields, facts: Facts): string | null {
  const { position } = facts;
  if (position === null && !facts.known) return null;
  return position === null || position.side === null || position.side === fields.side ? "0" : position.size;
}

function mostOf(instrument: Instrument, by: Sizing): string | null {
  const all = quantityOf(instrument, "percent", "100", by);
  return all.kind === "quantity" && new Big(all.quantity).gt(0) ? all.quantity : null;
}

function mostAmount(instrument: Instrument, price: string | null, available: string | null): string | null {
  if (price === null || available === null) return null;
  const all = toStepDown(new Big(available).times(price), new Big(amountStep(instrument)));
  return all.gt(0) ? plain(all) : null;
}

function holdingOf(position: Position | null): Holding {
  if (position === null || position.side === null) return { side: null, size: "0", entryPrice: null };
  return { side: position.side, size: position.size, entryPrice: position.entry_price };
}

function meansOf(facts: Facts): Means {
  return { fees: facts.fees, leverage: facts.leverage, marginMode: facts.marginMode, equity: facts.balances?.total_equity ?? null };
}

function standingOf(instrument: Instrument, facts: Facts, preview: OrderPreview, available: string | null): Standing {
  const isLinear = instrument.category === "linear";
  const { position } = facts;
  const held = position === null || position.side === null ? null : position;
  return {
    positionSide: isLinear ? (held?.side ?? null) : null,
    positionSize: isLinear && facts.known ? (held?.size ?? "0") : null,
    positionValue: isLinear && facts.known ? (held === null ? "0" : held.value) : null,
    leverage: isLinear ? facts.leverage : null,
    liquidationPrice: preview.liquidationPrice,
    cost: preview.cost,
    available,
  };
}
