/** Arming an account for real money: for how long, above which value orders are typed once more, and a phrase letter by letter. */
import { useMutation } from "@tanstack/react-query";
import Big from "big.js";
import { useId, useState, type FormEvent } from "react";
import { armAccount } from "../api/arming";
import { Refused } from "../api/errors";
import { newIntentId } from "../api/intent";
import type { ArmingState } from "../api/types";
import { notices, queries } from "../app/services";
import { useStepUp } from "../auth/stepUp";
import { amount, plain } from "../format/number";
import { useWords } from "../i18n/useWords";
import { failureText, problemText } from "../i18n/words";
import { readField, withoutShare } from "../ticket/reading";
import { Dialog } from "../ui/Dialog";
import { Segments } from "../ui/Segments";
import { armingQuery } from "./queries";

const HOUR_S = 3_600;
const LASTS = { hour: HOUR_S, day: 24 * HOUR_S, week: 7 * 24 * HOUR_S, month: 30 * 24 * HOUR_S } as const;
type Lasts = keyof typeof LASTS;
const NAMES: readonly Lasts[] = ["hour", "day", "week", "month"];
/** Of the largest order: what is proposed as the value above which it is typed once more. */
const LARGE = 0.1;

export function ArmDialog({ state, onClose }: { readonly state: ArmingState; readonly onClose: () => void }) {
  const { t } = useWords();
  return (
    <Dialog title={t("arming.dialog_title")} testId="arm-dialog" onClose={onClose}>
      {(close) => <Form state={state} close={close} />}
    </Dialog>
  );
}

function Form({ state, close }: { readonly state: ArmingState; readonly close: () => void }) {
  const { t, language } = useWords();
  const withProof = useStepUp();
  // One form, one id: sent again after a lost answer it arms nothing twice.
  const [id] = useState(newIntentId);
  const [lasts, setLasts] = useState<Lasts>("day");
  const [above, setAbove] = useState(() => (state.order_notional === null ? "0" : plain(new Big(state.order_notional).times(LARGE))));
  const [typed, setTyped] = useState("");
  const phraseId = useId();
  const aboveId = useId();
  const phrase = state.phrases?.[language] ?? "";
  const field = withoutShare(readField(above, language), above);
  const value = field.kind === "number" ? plain(new Big(field.value)) : null;
  const arming = useMutation({
    mutationFn: (confirmAbove: string) => withProof(() => armAccount(state.account_id, { id, phrase: typed, lasts_s: LASTS[lasts], confirm_above: confirmAbove })),
    onSuccess: (now) => {
      queries.setQueryData(armingQuery(state.account_id).queryKey, now);
      notices.speak(t("arming.armed"));
      close();
    },
  });
  const closed = typed !== phrase || phrase === "" || value === null || arming.isPending;
  const onSubmit = (event: FormEvent): void => {
    event.preventDefault();
    if (!closed && value !== null) arming.mutate(value);
  };
  return (
    <form className="stack wide" noValidate data-testid="arm-form" onSubmit={onSubmit}>
      <p>{t("arming.dialog_text")}</p>
      <div className="field">
        <span className="label">{t("arming.lasts")}</span>
        <Segments label={t("arming.lasts")} value={lasts} options={NAMES.map((name) => ({ value: name, label: t(`arming.lasts_${name}`), testId: `arm-lasts-${name}` }))} onChange={setLasts} />
      </div>
      <div className="field">
        <label htmlFor={aboveId}>{t("arming.confirm_above")}</label>
        <input id={aboveId} className="input" inputMode="decimal" autoComplete="off" value={above} aria-invalid={value === null} data-testid="arm-above" onChange={(event) => setAbove(event.target.value)} />
        <span className="hint">{state.order_notional !== null && t("arming.confirm_above_hint", { most: amount(state.order_notional, language) })}</span>
        {value === null && <span className="fault">{t("actions.not_a_number")}</span>}
      </div>
      <div className="field">
        <label htmlFor={phraseId}>{t("ticket.type_to_confirm", { phrase })}</label>
        <input id={phraseId} className="input" autoComplete="off" autoCapitalize="off" spellCheck={false} value={typed} data-testid="arm-phrase" onChange={(event) => setTyped(event.target.value)} />
        <span className="hint">{t("arming.phrase_hint")}</span>
      </div>
      {arming.isError && (
        <div className="fault" role="alert" data-testid="arm-fault">
          {arming.error instanceof Refused && arming.error.problem.problems.length > 0
            ? arming.error.problem.problems.map((each) => <p key={`${each.code}-${each.field}`}>{problemText(t, each.code, each.params, language)}</p>)
            : failureText(t, arming.error, language).text}
        </div>
      )}
      <div className="row">
        <button type="button" className="button" data-first onClick={close}>
          {t("ticket.leave")}
        </button>
        <button type="submit" className="button danger" data-testid="arm-submit" aria-disabled={closed}>
          {arming.isPending ? t("ticket.sending") : t("arming.submit")}
        </button>
      </div>
    </form>
  );
}
