/** Why and why not, rule by rule: folded to what decided each, opened to every condition with the numbers it compared. */
import { grouping, type Language } from "../../format/number";
import { useWords } from "../../i18n/useWords";
import { byCode, type Words } from "../../i18n/words";
import { folded, type Condition, type Payload, type Rule } from "./payload";
import { rulesOf } from "./payload";

const MARK = { true: "✓", false: "✗", null: "?" } as const;
const markOf = (value: boolean | null): string => MARK[String(value) as keyof typeof MARK];

export function ruleName(t: Words, name: string): string {
  return byCode(t, `runs.rule.${name}`, {}) ?? name;
}

/** A value as it was computed, shortened for reading: the whole of it is in the title. */
function shortValue(value: string | null, language: Language): string {
  if (value === null) return "—";
  const number = Number(value);
  if (!Number.isFinite(number)) return value;
  const text = Math.abs(number) >= 1000 ? number.toFixed(2) : String(Number(number.toPrecision(6)));
  return /e/.test(text) ? value : grouping(text, language);
}

export function FoldedRules({ payload }: { payload: Payload }) {
  const { t } = useWords();
  return (
    <span className="why" data-testid="why">
      {rulesOf(payload)
        .map(folded)
        .map((rule) => (
          <span key={rule.rule} className="why-rule">
            <Verdict value={rule.value} /> {ruleName(t, rule.rule)}
            {rule.because.length > 0 && ": "}
            {rule.because.map((condition, at) => (
              <span key={condition.text}>
                {at > 0 && ", "}
                <ConditionText condition={condition} />
              </span>
            ))}
          </span>
        ))}
    </span>
  );
}

export function OpenRules({ payload }: { payload: Payload }) {
  const { t } = useWords();
  return (
    <ul className="why-open" data-testid="why-open">
      {rulesOf(payload).map((rule) => (
        <li key={rule.name}>
          <strong>
            <Verdict value={rule.value} /> {ruleName(t, rule.name)}
          </strong>
          <Conditions rule={rule} />
        </li>
      ))}
    </ul>
  );
}

function Conditions({ rule }: { rule: Rule }) {
  return (
    <ul>
      {rule.conditions.map((condition) => (
        <li key={condition.text}>
          <Verdict value={condition.value} /> <ConditionText condition={condition} />
        </li>
      ))}
    </ul>
  );
}

function ConditionText({ condition }: { condition: Condition }) {
  const { language } = useWords();
  const { text, numbers } = condition;
  return (
    <>
      <code>{text}</code>
      {numbers.length > 0 && (
        <span className="muted">
          {" ("}
          {numbers.map((each, at) => (
            <span key={each.text} title={each.value ?? undefined}>
              {at > 0 && ", "}
              {each.text} = <span className="figure">{shortValue(each.value, language)}</span>
            </span>
          ))}
          )
        </span>
      )}
    </>
  );
}

function Verdict({ value }: { value: boolean | null }) {
  const { t } = useWords();
  const word = t(value === true ? "runs.verdict.true" : value === false ? "runs.verdict.false" : "runs.verdict.unknown");
  return (
    <span className={`verdict ${value === true ? "met" : ""}`}>
      <span aria-hidden="true">{markOf(value)}</span>
      <span className="visually-hidden">{word}</span>
    </span>
  );
}
