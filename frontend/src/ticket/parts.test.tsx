// @vitest-environment jsdom
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { createRef, useEffect, useState, type ReactNode } from "react";
import { afterEach, beforeAll, expect, it } from "vitest";
import { aPosition, aTicker, anAccount, anInstrument } from "../api/fixtures";
import type { Instrument, Ticker } from "../api/types";
import { startWords } from "../i18n";
import type { Facts } from "./asked";
import { check, type Surroundings } from "./checks";
import { ExitFields } from "./ExitFields";
import type { TicketFields } from "./fields";
import type { FormPart } from "./form";
import { Preview } from "./Preview";
import { PriceField, TriggerField } from "./PriceFields";
import { QuantityField, snapped } from "./QuantityField";
import { freshTicket, ticketReducer, type Ticket } from "./state";

const balances = { total_equity: "10000", total_available: "10000", coins: [], updated_ms: 0 };
const flat: Facts = {
  leverage: "10",
  fees: { maker: "0.0002", taker: "0.00055" },
  feesAssumed: false,
  position: null,
  known: true,
  balances,
  marginMode: "REGULAR_MARGIN",
  positionMode: "one_way",
};
let now: TicketFields = freshTicket("id").fields;

/** The parts of a form around a real ticket, as the panel puts them together. */
function Form(props: {
  fields: Partial<TicketFields>;
  facts?: Facts;
  ticker?: Ticker;
  instrument?: Instrument;
  children: (part: FormPart, around: Surroundings) => ReactNode;
}) {
  const { facts = flat, ticker = aTicker(), instrument = anInstrument() } = props;
  const [ticket, setTicket] = useState<Ticket>(() => ticketReducer(freshTicket("id"), { kind: "edited", change: props.fields }));
  useEffect(() => {
    now = ticket.fields;
  });
  const around: Surroundings = {
    instrument,
    ticker,
    book: null,
    facts,
    can: anAccount().capabilities,
    link: "up",
    prices: "fresh",
    account: "ready",
    bar: null,
    acceptsOldPrice: false,
    language: "en",
  };
  const edit = (change: Partial<TicketFields>): void => setTicket((before) => ticketReducer(before, { kind: "edited", change }));
  const part: FormPart = {
    ticket,
    checked: check(ticket, around),
    instrument,
    ticker,
    editable: true,
    edit,
    onFix: (fix) => fix.kind === "edit" && edit(fix.change),
    inputs: createRef() as FormPart["inputs"],
  };
  part.inputs.current = {};
  return props.children(part, around);
}
const text = (id: string): string => (screen.getByTestId(id).textContent ?? "").replaceAll("\u202f", " ");

beforeAll(() => startWords("en"));
afterEach(cleanup);

it("keeps the trigger's direction when the price passes it, says so, and turns it round only when asked", () => {
  const form = (ticker: Ticker) => (
    <Form fields={{ kind: "StopMarket", quantity: "0.05" }} ticker={ticker}>
      {(part) => <TriggerField {...part} />}
    </Form>
  );
  const { rerender } = render(form(aTicker()));
  fireEvent.change(screen.getByTestId("ticket-trigger"), { target: { value: "61 000" } });
  expect(text("ticket-trigger-sentence")).toBe("Triggers when last price rises to 61 000.0. Now 60 000.0.");
  rerender(form(aTicker({ last_price: "61500" })));
  expect(screen.getByTestId("ticket-problem-trigger").dataset["code"]).toBe("order.trigger_passed");
  fireEvent.click(screen.getByTestId("ticket-use-trigger"));
  expect(text("ticket-trigger-sentence")).toBe("Triggers when last price falls to 61 000.0. Now 61 500.0.");
});

it("watches the chosen price, and derives the direction from that one", () => {
  render(
    <Form fields={{ kind: "StopMarket" }} ticker={aTicker({ mark_price: "61500" })}>
      {(part) => <TriggerField {...part} />}
    </Form>,
  );
  fireEvent.change(screen.getByTestId("ticket-trigger"), { target: { value: "61000" } });
  fireEvent.change(screen.getByTestId("ticket-trigger-by"), { target: { value: "MarkPrice" } });
  expect(text("ticket-trigger-sentence")).toContain("when mark price falls to 61 000.0");
});

it("fixes a distance from the market when the field is left", () => {
  render(<Form fields={{}}>{(part) => <PriceField {...part} />}</Form>);
  const price = screen.getByTestId<HTMLInputElement>("ticket-price");
  fireEvent.change(price, { target: { value: "-1%" } });
  expect(price.value).toBe("-1%");
  fireEvent.blur(price);
  expect(price.value).toBe("59400");
});

it("writes the slider's share in the unit that is chosen", () => {
  render(<Form fields={{ price: "60000" }}>{(part) => <QuantityField {...part} />}</Form>);
  const slider = screen.getByTestId<HTMLInputElement>("ticket-slider");
  fireEvent.change(slider, { target: { value: "50" } });
  // 10 000 over 6000 of margin, 33 and 29.7 of fees a coin is 1.649; half of it on the step.
  expect(now.quantity).toBe("0.824");
  fireEvent.click(screen.getByTestId("ticket-share-100"));
  expect([now.quantity, slider.value]).toEqual(["1.649", "100"]);
  fireEvent.change(screen.getByTestId("ticket-unit"), { target: { value: "quote" } });
  expect(now).toMatchObject({ unit: "quote", quantity: "98940" });
  fireEvent.change(screen.getByTestId("ticket-unit"), { target: { value: "risk" } });
  expect(now).toMatchObject({ unit: "risk", quantity: "" });
});

it("snaps to the quarters while it is dragged, and leaves the keys alone", () => {
  expect([22, 24, 28, 29, 99].map(snapped)).toEqual([25, 25, 25, 29, 100]);
  render(<Form fields={{ price: "60000", unit: "percent" }}>{(part) => <QuantityField {...part} />}</Form>);
  const slider = screen.getByTestId("ticket-slider");
  fireEvent.change(slider, { target: { value: "26" } });
  expect(now.quantity).toBe("26");
  fireEvent.pointerDown(slider);
  fireEvent.change(slider, { target: { value: "27" } });
  expect(now.quantity).toBe("25");
});

it("offers what fits: the capped close, and the way out of a close of nothing", () => {
  const closing = { side: "Sell", price: "61000", quantity: "0.8", reduceOnly: true } as const;
  const { unmount } = render(
    <Form fields={closing} facts={{ ...flat, position: aPosition() }}>
      {(part) => <QuantityField {...part} />}
    </Form>,
  );
  expect(text("ticket-warning-quantity")).toContain("Position is 0.5 BTC; only 0.5 will be closed.");
  fireEvent.click(screen.getByTestId("ticket-use-quantity"));
  expect(now.quantity).toBe("0.5");
  unmount();
  render(<Form fields={closing}>{(part) => <QuantityField {...part} />}</Form>);
  fireEvent.click(screen.getByTestId("ticket-use-reduce_only"));
  expect(now.reduceOnly).toBe(false);
});

it("shows where a distance puts an exit, and offers R for the target alone", () => {
  render(<Form fields={{ price: "60000", quantity: "0.05", exits: true }}>{(part) => <ExitFields {...part} block={null} />}</Form>);
  fireEvent.change(screen.getByTestId("ticket-stop-loss"), { target: { value: "1 %" } });
  expect(text("ticket-stop_loss-price")).toBe("= 59 400.0 −1 %");
  fireEvent.change(screen.getByTestId("ticket-take_profit-unit"), { target: { value: "r" } });
  fireEvent.change(screen.getByTestId("ticket-take-profit"), { target: { value: "2.5" } });
  expect(text("ticket-take_profit-price")).toBe("= 61 500.0 +2.5 %");
  const units = [...screen.getByTestId("ticket-stop_loss-unit").querySelectorAll("option")].map((each) => each.value);
  expect(units).toEqual(["price", "percent"]);
});

it("marks every number as about right, shows a dash for what is missing, and the formula at a press", () => {
  render(
    <Form fields={{ price: "59000", quantity: "0.05", exits: true }}>
      {(part, around) => <Preview asked={part.checked.asked} facts={around.facts} instrument={part.instrument} server={null} />}
    </Form>,
  );
  expect([text("ticket-line-initial_margin"), text("ticket-line-risk"), text("ticket-line-liquidation")]).toEqual([
    "≈ 295.00 USDT",
    "—",
    "— account-wide, not available",
  ]);
  const button = screen.getByTestId("ticket-formula-initial_margin");
  expect(button.getAttribute("aria-expanded")).toBe("false");
  fireEvent.click(button);
  expect(screen.getByText("Order value ÷ leverage, of the part that opens")).toBeTruthy();
});

it("lets the server's number win, and marks the line whose number was another", () => {
  const said = {
    preview: { ...preview(), order_value: "2950", initial_margin: "310", limits: [] },
    first: true,
  } as unknown as Parameters<typeof Preview>[0]["server"];
  render(
    <Form fields={{ price: "59000", quantity: "0.05" }}>
      {(part, around) => <Preview asked={part.checked.asked} facts={around.facts} instrument={part.instrument} server={said} />}
    </Form>,
  );
  expect(text("ticket-line-initial_margin")).toBe("≈ 310.00 USDT");
  expect(screen.getByTestId("ticket-line-initial_margin").className).toContain("blinks");
  expect(screen.getByTestId("ticket-line-order_value").className).not.toContain("blinks");
});

function preview() {
  const unknown = ["expected_price", "slippage_percent", "open_fee", "close_fee", "cost", "available", "liquidation_price", "break_even_price"];
  return {
    ...Object.fromEntries([...unknown, "risk_at_stop", "risk_percent", "reward_per_risk", "after"].map((name) => [name, null])),
    liquidation: "account_wide",
    fees_assumed: false,
  };
}
