/** What the order would come to: ours at once, the server's a moment later, every line with the formula behind it. */
import { useId, useState } from "react";
import type { Instrument } from "../api/types";
import { amount, fixed, stepped } from "../format/number";
import { useWords } from "../i18n/useWords";
import type { Asked, Facts } from "./asked";
import { linesOf, ownPreview, type Line } from "./lines";
import type { ServerPreview } from "./useServerPreview";

type Props = {
  readonly asked: Asked;
  readonly facts: Facts;
  readonly instrument: Instrument;
  readonly server: ServerPreview | null;
  /** Prices can no longer be trusted, and so neither what follows from them. */
  readonly old?: boolean;
};

export function Preview({ asked, facts, instrument, server, old = false }: Props) {
  const { t, language } = useWords();
  const lines = linesOf(t, instrument, asked, ownPreview(asked, facts), server?.preview ?? null, language);
  const limits = server?.preview.limits ?? [];
  return (
    <section className="preview" aria-label={t("ticket.preview")} data-testid="ticket-preview" data-source={server === null ? "page" : "server"}>
      <dl className={`preview-lines ${old ? "old" : ""}`}>
        {lines.map((line) => (
          // A new key plays the blink again, once for each answer that differs.
          <PreviewLine key={line.name} line={line} blinks={server?.first === true && line.differs} />
        ))}
      </dl>
      {limits.length > 0 && (
        <ul className="limits">
          {limits.map((limit) => (
            <li key={limit.name} className={limit.blocks ? "fault" : "hint"}>
              {limit.used_percent === null
                ? t(`ticket.limit_name.${limit.name}`)
                : t("ticket.limit_used", { name: t(`ticket.limit_name.${limit.name}`), percent: fixed(limit.used_percent, 0, language) })}
            </li>
          ))}
        </ul>
      )}
      <details className="note-field">
        <summary>{t("ticket.rules_of_instrument")}</summary>
        <dl className="facts">
          <dt>{t("ticket.minimum_order")}</dt>
          <dd>
            {stepped(instrument.min_quantity, instrument.quantity_step, language)} {instrument.base_coin} · {amount(instrument.min_notional, language)}{" "}
            {instrument.quote_coin}
          </dd>
          <dt>{t("ticket.tick_and_step")}</dt>
          <dd>
            {stepped(instrument.tick_size, instrument.tick_size, language)} · {stepped(instrument.quantity_step, instrument.quantity_step, language)}
          </dd>
        </dl>
      </details>
    </section>
  );
}

function PreviewLine({ line, blinks }: { line: Line; blinks: boolean }) {
  const { t } = useWords();
  const [open, setOpen] = useState(false);
  const id = useId();
  const name = t(`ticket.line.${line.name}`);
  return (
    <div className="preview-line">
      <dt>
        {name}{" "}
        <button
          type="button"
          className="formula-button"
          aria-label={t("ticket.formula_of", { name })}
          aria-expanded={open}
          aria-controls={id}
          data-testid={`ticket-formula-${line.name}`}
          onClick={() => setOpen(!open)}
        >
          i
        </button>
      </dt>
      <dd className={`${blinks ? "blinks" : ""} ${line.tone}`} data-testid={`ticket-line-${line.name}`}>
        {line.text}
      </dd>
      {open && (
        <dd id={id} className="formula">
          {line.formula}
        </dd>
      )}
    </div>
  );
}
