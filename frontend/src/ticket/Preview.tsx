/** What the order would come to, computed here and marked "≈": the server's answer replaces it. */
import type { Instrument, Position } from "../api/types";
import { amount, signOf, stepped, UNKNOWN } from "../format/number";
import { useWords } from "../i18n/useWords";
import type { Checked } from "./checks";

type Props = {
  readonly checked: Checked;
  readonly instrument: Instrument;
  readonly position: Position | null;
  readonly available: string | null;
};

export function Preview({ checked, instrument, position, available }: Props) {
  const { t, language } = useWords();
  const quote = instrument.quote_coin;
  const held =
    position === null || signOf(position.size) === 0
      ? t("ticket.no_position")
      : `${position.side === "Buy" ? t("tables.long") : t("tables.short")} ${stepped(position.size, instrument.quantity_step, language)} ${instrument.base_coin}`;
  const approximately = (text: string): string => (text === UNKNOWN ? text : `≈ ${text}`);
  return (
    <dl className="facts preview" aria-label={t("ticket.preview")}>
      <dt title={t("ticket.expected_price_formula")}>{t("ticket.expected_price")}</dt>
      <dd>{approximately(stepped(checked.expectedPrice, instrument.tick_size, language))}</dd>
      <dt title={t("ticket.order_value_formula")}>{t("ticket.order_value")}</dt>
      <dd data-testid="ticket-value">
        {approximately(amount(checked.value, language))} {quote}
      </dd>
      <dt>{t("ticket.available")}</dt>
      <dd>
        {approximately(amount(available, language))} {quote}
      </dd>
      <dt>{t("ticket.position")}</dt>
      <dd>{held}</dd>
      <dt>{t("ticket.minimum_order")}</dt>
      <dd>
        {stepped(instrument.min_quantity, instrument.quantity_step, language)} {instrument.base_coin} · {amount(instrument.min_notional, language)} {quote}
      </dd>
      <dt>{t("ticket.tick_and_step")}</dt>
      <dd>
        {stepped(instrument.tick_size, instrument.tick_size, language)} · {stepped(instrument.quantity_step, instrument.quantity_step, language)}
      </dd>
    </dl>
  );
}
