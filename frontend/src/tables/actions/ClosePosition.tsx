/** Closing a position, whole or in part: always reduce-only, at market or by a limit order at the mark price. */
import Big from "big.js";
import { useState, type FormEvent } from "react";
import type { Environment, Instrument, Position } from "../../api/types";
import { plain, stepped } from "../../format/number";
import { useWords } from "../../i18n/useWords";
import { problemText } from "../../i18n/words";
import { priceProblems, toStepDown } from "../../rules/order";
import { marketKey, useQuote } from "../../stream/hooks";
import { readField } from "../../ticket/reading";
import { Dialog } from "../../ui/Dialog";
import { Segments } from "../../ui/Segments";
import { NumberLine } from "./NumberLine";
import { useIntent } from "./useIntent";

type Props = {
  readonly position: Position;
  readonly environment: Environment;
  readonly instrument: Instrument;
  readonly block: string | null;
  readonly onClose: () => void;
};

const PARTS = ["25", "50", "75", "100"] as const;
type Part = (typeof PARTS)[number];
type Way = "market" | "limit";

export function ClosePosition(props: Props) {
  const { t } = useWords();
  return (
    <Dialog title={t("actions.close_title", { symbol: props.position.symbol })} testId="close-dialog" onClose={props.onClose}>
      {(close) => <Form {...props} close={close} />}
    </Dialog>
  );
}

function Form({ position, environment, instrument, block, close }: Props & { close: () => void }) {
  const { t, language } = useWords();
  const quote = useQuote(marketKey(environment, position));
  const [part, setPart] = useState<Part>("100");
  const [way, setWay] = useState<Way>("market");
  const mark = quote?.ticker.mark_price ?? position.mark_price;
  const [typed, setTyped] = useState(() => (mark === null ? "" : plain(toStepDown(new Big(mark), new Big(instrument.tick_size)))));
  const { phase, fault, ask } = useIntent(position.account_id, { said: t("actions.close_title", { symbol: position.symbol }), onTaken: close });
  const side = position.side === "Buy" ? "Sell" : "Buy";
  const whole = new Big(position.size);
  const quantity = part === "100" ? whole : toStepDown(whole.times(part).div(100), new Big(instrument.quantity_step));
  const price = readField(typed, language);
  const faults = way === "limit" && price.kind === "number" ? priceProblems(instrument, side, price.value) : [];
  const nothing = quantity.lte(0);
  const closed = block !== null || position.side === null || nothing || phase === "sending" || (way === "limit" && (price.kind !== "number" || faults.length > 0));
  const onSubmit = (event: FormEvent): void => {
    event.preventDefault();
    if (closed || position.side === null) return;
    ask({
      kind: "close",
      category: "linear",
      symbol: position.symbol,
      side: position.side,
      percent: part,
      price: way === "limit" && price.kind === "number" ? price.value : null,
      slippage_percent: null,
    });
  };
  const shown = stepped(plain(quantity), instrument.quantity_step, language);
  const words = { side: side === "Buy" ? t("ticket.buy") : t("ticket.sell"), quantity: shown, coin: instrument.base_coin };
  return (
    <form className="stack wide" noValidate data-testid="close-form" onSubmit={onSubmit}>
      <Segments label={t("actions.part")} value={part} options={PARTS.map((value) => ({ value, label: `${value} %`, testId: `close-part-${value}` }))} onChange={setPart} />
      <Segments
        label={t("actions.way")}
        value={way}
        options={[
          { value: "market", label: t("actions.way_market"), testId: "close-way-market" },
          { value: "limit", label: t("actions.way_limit"), testId: "close-way-limit" },
        ]}
        onChange={setWay}
      />
      {way === "limit" && (
        <NumberLine
          label={t("actions.field_price")}
          unit={instrument.quote_coin}
          step={instrument.tick_size}
          value={typed}
          was=""
          testId="close-price"
          field={price}
          faults={faults.map((each) => problemText(t, each.code, each.params, language))}
          onChange={setTyped}
        />
      )}
      <p className="hint">{t("actions.close_hint")}</p>
      {nothing && <p className="caution">{t("actions.close_nothing", { step: stepped(instrument.quantity_step, instrument.quantity_step, language), coin: instrument.base_coin })}</p>}
      {block !== null && <p className="caution">{block}</p>}
      {fault !== null && (
        <p className="fault" role="alert" data-testid="action-fault">
          {fault}
        </p>
      )}
      <div className="row">
        <button type="submit" className="button primary" data-testid="close-submit" aria-disabled={closed}>
          {phase === "sending"
            ? t("actions.sending")
            : phase === "unknown"
              ? t("actions.ask_again")
              : way === "market"
                ? t("actions.close_submit_market", words)
                : t("actions.close_submit_limit", { ...words, price: price.kind === "number" ? stepped(price.value, instrument.tick_size, language) : "—" })}
        </button>
        <button type="button" className="button" onClick={close}>
          {t("actions.leave")}
        </button>
      </div>
    </form>
  );
}
