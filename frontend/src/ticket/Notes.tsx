/** Words under a field and under the button: what is wrong, by name and value, with a suggestion to press. */
import Big from "big.js";
import type { Account, Instrument } from "../api/types";
import { grouping, type Language } from "../format/number";
import { useWords } from "../i18n/useWords";
import { accountName, problemText, type Words } from "../i18n/words";
import { toStepUp, type Finding } from "../rules/order";
import type { Block, Checked } from "./checks";
import type { Ticket } from "./state";

export function blockText(t: Words, block: Block, account: Account, instrument: Instrument, language: Language): string {
  switch (block.kind) {
    case "rule":
      return problemText(t, block.problem.code, block.problem.params, language);
    case "not_a_number":
      return notANumber(t, block.typed, block.field, instrument, language);
    case "ambiguous":
      return t("ticket.ambiguous", { typed: block.typed });
    case "account":
      return t("ticket.block_account", { account: accountName(t, account), state: t(`links.session.${account.session.state}`) });
    case "viewer":
    case "link":
    case "instrument":
    case "account_loading":
    case "stale_market":
    case "stale_limit":
    case "price":
    case "quantity":
      return t(`ticket.block_${block.kind}`);
    default:
      return unheard(block);
  }
}

function unheard(_block: never): string {
  return "";
}

function notANumber(t: Words, typed: string, field: "price" | "quantity", instrument: Instrument, language: Language): string {
  const shown = typed.length > TYPED_SHOWN ? `${typed.slice(0, TYPED_SHOWN)}…` : typed;
  const example = field === "price" ? grouping("60412.5", language) : grouping(instrument.quantity_step, language);
  return t("ticket.not_a_number", { typed: shown, example });
}

const TYPED_SHOWN = 24;

type Props = {
  readonly field: "price" | "quantity";
  readonly checked: Checked;
  readonly ticket: Ticket;
  readonly instrument: Instrument;
  readonly onUse: (field: "price" | "quantity", value: string) => void;
};

export function FieldNotes({ field, checked, ticket, instrument, onUse }: Props) {
  const { t, language } = useWords();
  const state = field === "price" ? checked.price : checked.quantity;
  if (state.kind === "not_a_number") return <span className="fault">{notANumber(t, state.typed, field, instrument, language)}</span>;
  if (state.kind === "ambiguous") {
    return (
      <span className="fault" data-testid={`ticket-ambiguous-${field}`}>
        {t("ticket.ambiguous", { typed: state.typed })}{" "}
        {state.readings.map((reading) => (
          <button key={reading} type="button" className="link-button" onClick={() => onUse(field, reading)}>
            {t("ticket.use", { value: grouping(reading, language) })}
          </button>
        ))}
      </span>
    );
  }
  const problems = checked.problems.filter((problem) => problem.field === field);
  // The server may see what the page cannot; its problems stay until the field is touched.
  const said = ticket.phase.kind === "refused_by_server" ? ticket.phase.problem.problems.filter((each) => each.field === field) : [];
  const extra = said.filter((each) => problems.every((problem) => problem.code !== each.code));
  return (
    <>
      {problems.map((problem) => {
        const suggestion = suggestionFor(problem, instrument, checked);
        return (
          <span key={problem.code} className="fault" data-testid={`ticket-problem-${field}`} data-code={problem.code}>
            {problemText(t, problem.code, problem.params, language)}{" "}
            {suggestion !== null && (
              <button type="button" className="link-button" data-testid={`ticket-use-${field}`} onClick={() => onUse(field, suggestion)}>
                {t("ticket.use", { value: grouping(suggestion, language) })}
              </button>
            )}
          </span>
        );
      })}
      {extra.map((problem) => (
        <span key={problem.code} className="fault" data-code={problem.code}>
          {problemText(t, problem.code, problem.params, language)}
        </span>
      ))}
      {field === "price" &&
        problems.length === 0 &&
        checked.warnings.map((warning) => (
          <span key={warning} className="caution">
            {warning === "would_execute"
              ? t("ticket.would_execute")
              : t("ticket.far_price", { percent: `${grouping(checked.farPercent ?? "0", language)} %` })}
          </span>
        ))}
    </>
  );
}

/** The nearest value that fits, or null when there is no single one to offer. */
function suggestionFor(problem: Finding, instrument: Instrument, checked: Checked): string | null {
  const { params } = problem;
  switch (problem.code) {
    case "order.price_tick":
    case "order.quantity_step":
      return params["suggestion"] ?? null;
    case "order.quantity_min":
      return params["minimum"] ?? null;
    case "order.quantity_max":
      return params["maximum"] ?? null;
    case "order.notional_min": {
      if (checked.expectedPrice === null || new Big(checked.expectedPrice).lte(0)) return null;
      const wanted = new Big(instrument.min_notional).div(checked.expectedPrice);
      return toStepUp(wanted, new Big(instrument.quantity_step)).toFixed();
    }
    default:
      return null;
  }
}
