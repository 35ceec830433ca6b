/**
 * What an event says, in a line. The server tells codes and numbers; the words are here and in the catalogues.
 *
 * What this page has no words for is shown as it came: an event is never left out of a timeline.
 */
import type { Run, RunEvent } from "../../api/types";
import { age, utcDateTime, utcTime } from "../../format/time";
import { amount, grouping, UNKNOWN, type Language } from "../../format/number";
import { byCode, limitName, problemText, readable, type Words } from "../../i18n/words";
import { decidedIn, flagOf, inner, listOf, numberOf, payloadOf, saidIn, textOf, type Payload, type Said } from "./payload";

export type Reader = { readonly t: Words; readonly language: Language; readonly nameOf: (id: string | null) => string | null };

export function eventText(event: RunEvent, reader: Reader): string {
  const { t } = reader;
  const payload = payloadOf(event);
  switch (event.kind) {
    case "lifecycle":
      return joined([stateText(payload, reader), reasonIn(payload, reader), byText(payload, reader)]);
    case "wish":
      return joined([wishText(payload, reader), byText(payload, reader)]);
    case "bar":
      return barText(payload, reader);
    case "signal":
      return joined([actionText(t, textOf(payload, "action")), t("runs.because", { reason: whyText(t, textOf(payload, "reason")) })]);
    case "intent":
      return intentText(payload, reader);
    case "risk":
      return t("runs.event.risk", { count: listOf(payload, "verdict").length });
    case "refused":
      return saidText(saidIn(payload), reader);
    case "order":
      return joined([orderText(payload, reader), saidTextIf(saidIn(inner(payload, "reason")), reader)]);
    case "fill":
      return fillText(payload, reader);
    case "position":
      return positionText(payload, reader);
    case "stop":
      return joined([stopText(payload, reader), saidTextIf(saidIn(inner(payload, "reason")), reader)]);
    case "trade":
      return t("runs.event.trade", {
        direction: directionText(t, textOf(payload, "side")),
        quantity: figureIn(payload, "qty", reader),
        entry: figureIn(payload, "entry_price", reader),
        exit: figureIn(payload, "exit_price", reader),
        pnl: amount(decimalIn(payload, "pnl"), reader.language),
      });
    case "link":
      return t("runs.event.link", { state: coded(t, "runs.link", textOf(payload, "state")) });
    case "sleep":
      return t("runs.event.sleep", { time: age(numberOf(payload, "slept_ms") ?? 0, reader.language) });
    case "takeover":
      return t("runs.event.takeover", { time: age(numberOf(payload, "gap_ms") ?? 0, reader.language) });
    case "limit":
      return t("runs.event.limit", {
        name: byCode(t, `runs.limit.${textOf(payload, "name") ?? ""}`, {}) ?? limitName(t, textOf(payload, "name") ?? ""),
        value: figureIn(payload, "value", reader),
        allowed: figureIn(payload, "allowed", reader),
      });
    case "note":
      return noteText(saidIn(payload), reader);
    case "error":
      return saidText(saidIn(payload), reader);
    default:
      return unheard(event.kind, payload, reader);
  }
}

function unheard(kind: never, payload: Payload, { t }: Reader): string {
  return t("runs.event.unknown", { kind: String(kind), text: JSON.stringify(payload) });
}

const joined = (parts: readonly (string | null)[]): string => parts.filter((part) => part !== null && part !== "").join(" · ");

function coded(t: Words, prefix: string, code: string | null): string {
  return code === null ? UNKNOWN : (byCode(t, `${prefix}.${code}`, {}) ?? code);
}

function decimalIn(payload: Payload, name: string): string | null {
  const text = textOf(payload, name);
  return text !== null && /^-?\d+(\.\d+)?$/.test(text) ? text : null;
}

export function figureIn(payload: Payload, name: string, { language }: Pick<Reader, "language">): string {
  const text = textOf(payload, name);
  return text === null ? UNKNOWN : /^-?\d+(\.\d+)?$/.test(text) ? grouping(text, language) : text;
}

export function directionText(t: Words, direction: string | null): string {
  return coded(t, "runs.direction", direction);
}

export function whyText(t: Words, reason: string | null): string {
  return coded(t, "runs.why", reason);
}

export function actionText(t: Words, action: string | null): string {
  return coded(t, "runs.action", action);
}

function sideText(t: Words, side: string | null): string {
  return side === "Buy" ? t("ticket.buy") : side === "Sell" ? t("ticket.sell") : (side ?? UNKNOWN);
}

function stateText(payload: Payload, { t }: Reader): string {
  return coded(t, "runs.state", textOf(payload, "state"));
}

function byText(payload: Payload, { t, nameOf }: Reader): string | null {
  const name = nameOf(textOf(payload, "by"));
  return name === null ? null : t("runs.event.by", { name });
}

function wishText(payload: Payload, { t, language }: Reader): string {
  const wish = textOf(payload, "wish");
  if (wish === "extend") return t("runs.event.wish.extend", { time: age(numberOf(payload, "duration_ms") ?? 0, language) });
  if (wish === "stop") return coded(t, "runs.event.wish", `stop_${textOf(payload, "how") ?? ""}`);
  return coded(t, "runs.event.wish", wish);
}

/** The head of a bar's line; its rules stand beside it. */
function barText(payload: Payload, reader: Reader): string {
  const { t } = reader;
  const open = numberOf(payload, "open_ms");
  // By the market's own time, which on a replay is another than that of the line.
  const at = open === null ? null : t("runs.bar.of", { time: utcTime(open).slice(0, 5) });
  const close = t("runs.bar.close", { price: figureIn(payload, "close", reader) });
  if (flagOf(payload, "late")) return joined([at, t("runs.bar.late"), close]);
  const decided = decidedIn(payload);
  const what = decided.length === 0 ? t("runs.bar.quiet") : t("runs.bar.decided", { actions: decided.map((each) => actionText(t, each)).join(", ") });
  return joined([at, what, close]);
}

/** Every limit that an order was held against, each with the value that it had to bear. */
export function riskMeasures(payload: Payload, reader: Reader): readonly string[] {
  return listOf(payload, "verdict").flatMap((each) => {
    if (typeof each !== "object" || each === null) return [];
    const measure = each as Payload;
    return [`${limitName(reader.t, textOf(measure, "limit") ?? UNKNOWN)} ${figureIn(measure, "value", reader)} ≤ ${figureIn(measure, "allowed", reader)}`];
  });
}

function intentText(payload: Payload, reader: Reader): string {
  const { t } = reader;
  const side = sideText(t, textOf(payload, "side"));
  const quantity = figureIn(payload, "quantity", reader);
  const [stop, target] = [figureIn(payload, "stop", reader), figureIn(payload, "target", reader)];
  const hasExits = textOf(payload, "stop") !== null || textOf(payload, "target") !== null;
  const exits = hasExits ? t("runs.event.with_exits", { stop, target }) : null;
  switch (textOf(payload, "kind")) {
    case "place": {
      const price = textOf(payload, "price");
      const order = price === null ? t("runs.event.intent_place_market", { side, quantity }) : t("runs.event.intent_place", { side, quantity, price: figureIn(payload, "price", reader) });
      return joined([order, exits]);
    }
    case "close":
      return joined([t("runs.event.intent_close", { side, quantity }), whyText(t, textOf(payload, "reason"))]);
    case "cancel":
      return t("runs.event.intent_cancel");
    case "exits":
      return t("runs.event.intent_exits", { stop, target });
    default:
      return JSON.stringify(payload);
  }
}

/** As on chips; what a chip says in brackets stands beside it here. */
function orderText(payload: Payload, { t }: Reader): string {
  const status = textOf(payload, "status");
  switch (status) {
    case "partially_filled":
      return t("runs.order.partly");
    case "refused":
      return t("runs.order.refused");
    case "rejected":
      return t("runs.order.rejected");
    default:
      return coded(t, "status", status);
  }
}

function fillText(payload: Payload, reader: Reader): string {
  const { t } = reader;
  const fee = figureIn(payload, "fee", reader);
  if (textOf(payload, "by") === "funding" || textOf(payload, "type") === "Funding") return t("runs.event.funding", { fee });
  const liquidity = t(flagOf(payload, "is_maker") ? "runs.event.maker" : "runs.event.taker");
  const by = textOf(payload, "by");
  const fill = t("runs.event.fill", {
    side: sideText(t, textOf(payload, "side")),
    quantity: figureIn(payload, "quantity", reader),
    price: figureIn(payload, "price", reader),
    fee,
    liquidity,
  });
  return joined([fill, by === null || by === "own" ? null : whyText(t, by)]);
}

function positionText(payload: Payload, reader: Reader): string {
  const { t } = reader;
  const direction = textOf(payload, "direction");
  if (direction === null || direction === "flat") return t("runs.event.position_flat");
  return t("runs.event.position", {
    direction: directionText(t, direction),
    quantity: figureIn(payload, "quantity", reader),
    price: figureIn(payload, "entry_price", reader),
    stop: figureIn(payload, "stop", reader),
    target: figureIn(payload, "target", reader),
  });
}

function stopText(payload: Payload, reader: Reader): string {
  const { t } = reader;
  switch (textOf(payload, "state")) {
    case "placed":
      return t("runs.event.stop_placed");
    case "refused":
      return t("runs.event.stop_refused");
    default:
      return t("runs.event.stop_at", { stop: figureIn(payload, "stop", reader), target: figureIn(payload, "target", reader) });
  }
}

/** Times of parameters as times: `open_ms` is `open` in a sentence. */
function withTimes(params: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(params).map(([name, value]) => (name.endsWith("_ms") && /^\d{1,15}$/.test(value) ? [name.slice(0, -3), `${utcDateTime(Number(value))} UTC`] : [name, value])),
  );
}

function noteText(said: Said | null, reader: Reader): string {
  if (said === null) return UNKNOWN;
  const params = readable(withTimes(said.params), reader.language);
  return byCode(reader.t, `runs.note.${said.code}`, params) ?? saidText(said, reader);
}

/** A refusal or an error by its code: as everywhere else on the page, with the exchange's own words quoted. */
function saidText(said: Said | null, { t, language }: Reader): string {
  if (said === null) return UNKNOWN;
  const known = byCode(t, `problems.${said.code}`, readable(said.params, language)) !== null;
  const short = byCode(t, `reasons.${said.code}`, {});
  const text = known ? problemText(t, said.code, said.params, language) : (short ?? said.code);
  return said.quote === null ? text : `${text} ${t("problems.quoted", { text: said.quote })}`;
}

const saidTextIf = (said: Said | null, reader: Reader): string | null => (said === null ? null : saidText(said, reader));

function reasonIn(payload: Payload, reader: Reader): string | null {
  const said = saidIn(inner(payload, "reason"));
  return said === null ? null : endText(said.code, said.params, said.quote, reader);
}

/** Why a run ended, or what it waits for while it starts. */
export function reasonText(reason: NonNullable<Run["reason"]>, reader: Reader): string {
  return endText(reason.code, Object.fromEntries(Object.entries(reason.params).map(([name, value]) => [name, String(value)])), reason.detail, reader);
}

function endText(code: string, params: Readonly<Record<string, string>>, quote: string | null, { t, language }: Reader): string {
  const how = params["how"];
  const said = readable(how === undefined ? params : { ...params, how: coded(t, "runs.how", how) }, language);
  const text = byCode(t, `runs.reason.${code}`, said) ?? byCode(t, `faults.${code}`, said) ?? byCode(t, `problems.${code}`, said) ?? t("runs.reason.unknown", { code });
  return quote === null ? text : `${text} ${t("faults.quoted", { detail: quote })}`;
}
