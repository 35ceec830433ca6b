/** One difference: ours → theirs, whether its symbol is blocked, and each decision with what it does before it is confirmed. */
import { useMutation } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { decideDifference } from "../api/differences";
import type { Decision, Difference } from "../api/types";
import { notices, queries } from "../app/services";
import { stepped, type Language } from "../format/number";
import { exactTime, tableTime } from "../format/time";
import { useWords } from "../i18n/useWords";
import { failureText, foundState, problemText, type Words } from "../i18n/words";
import { useNow } from "../stream/hooks";
import { Icon } from "../ui/Icon";
import { differencesQuery } from "./queries";

export function DifferenceCard({ difference, mayDecide }: { difference: Difference; mayDecide: boolean }) {
  const { t, language } = useWords();
  const now = useNow(30_000);
  const [chosen, setChosen] = useState<Decision | null>(null);
  const kind = t(`differences.kind.${difference.kind}`);
  return (
    <article className="box difference" data-testid="difference" data-kind={difference.kind} data-state={difference.state} aria-label={`${kind} ${difference.symbol ?? ""}`}>
      <header className="connection-head">
        <Icon name={difference.state === "open" ? "warning" : difference.state === "closing" ? "spinner" : "check"} />
        <strong>{kind}</strong>
        {difference.symbol !== null && <span>{difference.symbol}</span>}
        <span className="muted">{t(`differences.state.${difference.state}`)}</span>
        <span className="spacer" />
        <time className="muted" dateTime={exactTime(difference.found_ms)} title={exactTime(difference.found_ms)}>
          {t("differences.found")} {tableTime(difference.found_ms, now)}
        </time>
      </header>
      <p className="before-after">
        <span>
          <span className="muted">{t("differences.before")}:</span> {sideWords(t, difference.before, language)}
        </span>
        <span aria-hidden="true">→</span>
        <span>
          <span className="muted">{t("differences.after")}:</span> {sideWords(t, difference.after, language)}
        </span>
      </p>
      {difference.foreign !== null && <p className="hint">{t("differences.foreign", { size: stepped(difference.foreign, difference.foreign, language) })}</p>}
      {difference.blocks && difference.symbol !== null && (
        <p className="caution">
          <Icon name="barred" /> {t("differences.blocks", { symbol: difference.symbol })}
        </p>
      )}
      {difference.why !== null && <p className="caution">{t("differences.not_closed", { why: problemText(t, difference.why, {}, language) })}</p>}
      {mayDecide && difference.choices.length > 0 && chosen === null && (
        <div className="row">
          {difference.choices.map((choice) => (
            <button key={choice} type="button" className="button small" data-testid={`difference-${choice}`} onClick={() => setChosen(choice)}>
              {t("differences.decide", { decision: decisionWords(t, choice, difference.kind) })}
            </button>
          ))}
        </div>
      )}
      {chosen !== null && <Confirm difference={difference} decision={chosen} onDone={() => setChosen(null)} />}
    </article>
  );
}

function Confirm({ difference, decision, onDone }: { difference: Difference; decision: Decision; onDone: () => void }) {
  const { t, language } = useWords();
  const [always, setAlways] = useState(false);
  const safe = useRef<HTMLButtonElement>(null);
  // The button that was pressed is gone; the focus goes to the safe answer.
  useEffect(() => safe.current?.focus(), []);
  // The one that was looked at when this was opened: what changes meanwhile is a conflict, not another decision.
  const [seen] = useState(difference);
  const about = difference.kind === "position.size" ? "position" : "order";
  const word = decisionWords(t, decision, difference.kind);
  const deciding = useMutation({
    mutationFn: () => decideDifference(seen, decision, always && decision === "ignore"),
    onSuccess: () => {
      notices.speak(t("differences.told", { decision: word }));
      onDone();
    },
    onSettled: () => queries.invalidateQueries({ queryKey: differencesQuery(difference.account_id).queryKey }),
  });
  return (
    <div className="stack" data-testid="difference-confirm">
      <p>{t(`differences.${decision}_${about}`)}</p>
      {decision === "ignore" && about === "order" && (
        <label className="tick">
          <input type="checkbox" checked={always} data-testid="difference-always" onChange={(event) => setAlways(event.target.checked)} />
          {t("differences.always")}
        </label>
      )}
      {deciding.isError && (
        <p className="fault" role="alert">
          {failureText(t, deciding.error, language).text}
        </p>
      )}
      <div className="row">
        <button type="button" className="button" ref={safe} onClick={onDone}>
          {t("actions.leave")}
        </button>
        <button type="button" className={`button ${decision === "close" ? "danger" : "primary"}`} data-testid="difference-decide" disabled={deciding.isPending} onClick={() => deciding.mutate()}>
          {deciding.isPending ? t("differences.deciding") : t("differences.confirm", { decision: word })}
        </button>
      </div>
    </div>
  );
}

/** "Buy 0.01 · at 60 000 · in the book", a size, or nothing. */
function sideWords(t: Words, side: Difference["before"], language: Language): string {
  if (side === null) return t("differences.nothing");
  const digits = (value: string | null): string | null => (value === null ? null : stepped(value, value, language));
  const [quantity, price] = [digits(side.quantity), digits(side.price)];
  const order = side.side === null ? null : `${t(side.side === "Buy" ? "tables.buy" : "tables.sell")} ${quantity ?? ""}`.trim();
  const parts = [order, order === null ? quantity : null, price === null ? null : t("differences.at_price", { price }), digits(side.size), side.state === null ? null : foundState(t, side.state)];
  const said = parts.filter((part): part is string => part !== null && part !== "");
  return said.length === 0 ? t("differences.nothing") : said.join(" · ");
}

/** Closing an order is cancelling it, and its button says so. */
function decisionWords(t: Words, decision: Decision, kind: Difference["kind"]): string {
  return t(decision === "close" && kind !== "position.size" ? "differences.cancel_order" : `differences.${decision}`);
}
