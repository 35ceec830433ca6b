/** Words under a field and under the button: what is wrong, by name and value, with a suggestion to press. */
import type { Account, Instrument } from "../api/types";
import { grouping, type Language } from "../format/number";
import { useWords } from "../i18n/useWords";
import { accountName, problemText, type Words } from "../i18n/words";
import type { Finding } from "../rules/order";
import { spotOf, type Block, type Checked } from "./checks";
import { fixFor, withValue, type Fix } from "./fixes";
import type { Path } from "./reading";
import type { Ticket } from "./state";

const TYPED_SHOWN = 24;

export function blockText(t: Words, block: Block, account: Account, instrument: Instrument, language: Language): string {
  switch (block.kind) {
    case "rule":
      return problemText(t, block.finding.code, block.finding.params, language);
    case "not_a_number":
      return notANumber(t, block.typed, block.field, instrument, language);
    case "ambiguous":
      return t("ticket.ambiguous", { typed: block.typed });
    case "empty":
      return t(`ticket.enter.${fieldName(block.field)}`);
    case "cannot":
      return t(`ticket.cannot.${block.what}`);
    case "account":
      return t("ticket.block_account", { account: accountName(t, account), state: t(`links.session.${account.session.state}`) });
    case "viewer":
    case "read_only":
    case "link":
    case "account_loading":
    case "stale_market":
    case "stale_limit":
    case "no_exits":
    case "no_trigger_price":
      return t(`ticket.block_${block.kind}`);
    default:
      return unheard(block);
  }
}

function unheard(_block: never): string {
  return "";
}

/** The part of a key or of a test's mark that stands for a field: `take_profit.limit_price` → `take_profit_limit`. */
export function fieldName(path: Path) {
  const names = {
    "trigger.price": "trigger",
    price: "price",
    quantity: "quantity",
    slippage_percent: "slippage",
    "take_profit.trigger_price": "take_profit",
    "take_profit.limit_price": "take_profit_limit",
    "stop_loss.trigger_price": "stop_loss",
    "stop_loss.limit_price": "stop_loss_limit",
  } as const;
  return names[path];
}

function notANumber(t: Words, typed: string, field: Path, instrument: Instrument, language: Language): string {
  const shown = typed.length > TYPED_SHOWN ? `${typed.slice(0, TYPED_SHOWN)}…` : typed;
  if (typed.includes("%") && (field === "price" || field === "trigger.price")) return t("ticket.share_needs_sign", { typed: shown });
  const examples = { quantity: instrument.quantity_step, slippage_percent: "0.5" } as const;
  const example = grouping(field === "quantity" || field === "slippage_percent" ? examples[field] : "60412.5", language);
  return t("ticket.not_a_number", { typed: shown, example });
}

type Props = {
  readonly path: Path;
  readonly checked: Checked;
  readonly ticket: Ticket;
  readonly instrument: Instrument;
  readonly onFix: (fix: Fix) => void;
};

export function FieldNotes({ path, checked, ticket, instrument, onFix }: Props) {
  const { t, language } = useWords();
  const state = checked.asked.readings[path];
  const mark = fieldName(path);
  if (state?.kind === "not_a_number") return <span className="fault">{notANumber(t, state.typed, path, instrument, language)}</span>;
  if (state?.kind === "ambiguous") {
    return (
      <span className="fault" data-testid={`ticket-ambiguous-${mark}`}>
        {t("ticket.ambiguous", { typed: state.typed })}{" "}
        {state.readings.map((reading) => (
          <FixButton
            key={reading}
            fix={{ kind: "edit", label: t("ticket.use", { value: grouping(reading, language) }), change: withValue(ticket.fields, path, reading) }}
            testId={`ticket-use-${mark}`}
            onFix={onFix}
          />
        ))}
      </span>
    );
  }
  const here = (finding: Finding): boolean => spotOf(finding.field) === path;
  const problems = checked.problems.filter(here);
  // The server may see what the page cannot; what it refused stays said until the ticket is touched.
  const said = ticket.phase.kind === "refused_by_server" ? ticket.phase.problem.problems : [];
  const extra = said.flatMap(({ code, field, params }) => {
    const finding = { code, field: field ?? "", params: params as Record<string, string> };
    return here(finding) && problems.every((problem) => problem.code !== code) ? [finding] : [];
  });
  const warnings = problems.length === 0 && extra.length === 0 ? checked.warnings.filter(here) : [];
  const line = (finding: Finding, tone: "fault" | "caution") => {
    const fix = fixFor(t, finding, path, ticket.fields, checked.asked, instrument, language);
    return (
      <span key={finding.code} className={tone} data-testid={`ticket-${tone === "fault" ? "problem" : "warning"}-${mark}`} data-code={finding.code}>
        {problemText(t, finding.code, finding.params, language)}{" "}
        {fix !== null && <FixButton fix={fix} testId={`ticket-use-${mark}`} onFix={onFix} />}
      </span>
    );
  };
  return (
    <>
      {[...problems, ...extra].map((finding) => line(finding, "fault"))}
      {warnings.map((finding) => line(finding, "caution"))}
    </>
  );
}

/** Findings of what has no number field: reduce-only, the note, the instrument. */
export function OtherNotes({ fields, checked, ticket, instrument, onFix }: Omit<Props, "path"> & { readonly fields: readonly string[] }) {
  const { t, language } = useWords();
  return (
    <>
      {checked.problems
        .filter((finding) => fields.includes(finding.field))
        .map((finding) => {
          const fix = fixFor(t, finding, "quantity", ticket.fields, checked.asked, instrument, language);
          return (
            <span key={finding.code} className="fault" data-code={finding.code}>
              {problemText(t, finding.code, finding.params, language)}{" "}
              {fix !== null && <FixButton fix={fix} testId={`ticket-use-${finding.field}`} onFix={onFix} />}
            </span>
          );
        })}
    </>
  );
}

function FixButton({ fix, testId, onFix }: { fix: Fix; testId: string; onFix: (fix: Fix) => void }) {
  return (
    <button type="button" className="link-button" data-testid={testId} onClick={() => onFix(fix)}>
      {fix.label}
    </button>
  );
}
