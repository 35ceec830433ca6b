/** Real money on one account: whether it may open positions, until when, what is missing, and how to stop it at once. */
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { disarmAccount } from "../api/arming";
import type { ArmingState } from "../api/types";
import { notices, queries } from "../app/services";
import { accountsQuery, sessionQuery } from "../app/session";
import { amount } from "../format/number";
import { age, exactTime, tableTime } from "../format/time";
import { useWords } from "../i18n/useWords";
import { failureText, limitName, problemText } from "../i18n/words";
import { useNow } from "../stream/hooks";
import { Failure } from "../ui/Failure";
import { Icon } from "../ui/Icon";
import { Waiting } from "../ui/Waiting";
import { ArmDialog } from "./ArmDialog";
import { armingQuery } from "./queries";

export function ArmingCard({ accountId }: { readonly accountId: string }) {
  const { t } = useWords();
  const arming = useQuery(armingQuery(accountId));
  if (arming.data !== undefined) return <Known state={arming.data} />;
  return arming.isError ? <Failure what={t("arming.title")} error={arming.error} onRetry={() => void arming.refetch()} /> : <Waiting rows={2} onRetry={() => void arming.refetch()} />;
}

function Known({ state }: { readonly state: ArmingState }) {
  const { t, language } = useWords();
  const role = useQuery(sessionQuery).data?.workspace?.role ?? "viewer";
  const [asks, setAsks] = useState(false);
  const armed = state.armed;
  // The header and the ticket hear of it by the stream; the list of accounts is asked for.
  useEffect(() => {
    void queries.invalidateQueries({ queryKey: accountsQuery.queryKey });
  }, [armed?.until_ms]);
  const disarming = useMutation({
    mutationFn: () => disarmAccount(state.account_id),
    onSuccess: (now) => {
      queries.setQueryData(armingQuery(state.account_id).queryKey, now);
      notices.speak(t("arming.disarmed"));
    },
  });
  const open = state.missing.length === 0 && state.real_trading;
  return (
    <section className={`arming ${armed === null ? "" : "armed"}`} data-testid="arming" data-armed={armed !== null} aria-label={t("arming.title")}>
      <header className="connection-head">
        <Icon name={armed === null ? "barred" : "bolt"} />
        <strong role="status" data-testid="arming-state">
          {armed === null ? t("arming.not_armed") : t("arming.armed")}
        </strong>
        <span className="spacer" />
        {armed !== null && (
          <button type="button" className="button small danger" data-testid="arming-disarm" disabled={role === "viewer" || disarming.isPending} onClick={() => disarming.mutate()}>
            {t("arming.disarm")}
          </button>
        )}
        <button type="button" className="button small" data-testid="arming-arm" disabled={role !== "owner" || !open} title={role === "owner" ? undefined : t("arming.owner_only")} onClick={() => setAsks(true)}>
          {armed === null ? t("arming.arm") : t("arming.arm_anew")}
        </button>
      </header>
      {armed === null ? <p>{t("arming.not_armed_text")}</p> : <ArmedNow armed={armed} />}
      {disarming.isError && (
        <p className="fault" role="alert">
          {failureText(t, disarming.error, language).text}
        </p>
      )}
      {armed === null && state.ended !== null && <Ended ended={state.ended} />}
      {!state.real_trading && (
        <p className="caution" data-testid="arming-off">
          {t("arming.off")}
        </p>
      )}
      {state.missing.length > 0 && (
        <div data-testid="arming-missing">
          <p>{t("arming.missing")}</p>
          <ul>
            {state.missing.map((each) => (
              <li key={`${each.code}-${each.field}`} data-code={each.code} data-field={each.field}>
                {problemText(t, each.code, each.params["name"] === undefined ? each.params : { name: limitName(t, each.params["name"]) }, language)}
              </li>
            ))}
          </ul>
          {state.missing.some((each) => each.code === "arming.limit_unset") && (
            <Link to="/settings/accounts/$account" params={{ account: state.account_id }} className="link-button" data-testid="arming-limits">
              {t("arming.set_limits")}
            </Link>
          )}
        </div>
      )}
      {asks && <ArmDialog state={state} onClose={() => setAsks(false)} />}
    </section>
  );
}

function ArmedNow({ armed }: { readonly armed: NonNullable<ArmingState["armed"]> }) {
  const { t, language } = useWords();
  const now = useNow();
  return (
    <>
      <p data-testid="arming-until">
        {t("arming.until", { left: age(armed.until_ms - now, language) })} <time dateTime={exactTime(armed.until_ms)}>{tableTime(armed.until_ms, now)}</time>
      </p>
      <p className="hint">
        {t("arming.by", { name: armed.by, time: tableTime(armed.since_ms, now) })} {t("arming.typed_above", { value: amount(armed.confirm_above, language) })} {t("arming.lapses")}
      </p>
    </>
  );
}

function Ended({ ended }: { readonly ended: NonNullable<ArmingState["ended"]> }) {
  const { t } = useWords();
  const now = useNow(30_000);
  return (
    <p className={ended.why === "disarmed" ? "hint" : "caution"} data-testid="arming-ended" data-why={ended.why}>
      {t("arming.ended", { time: tableTime(ended.at_ms, now) })} {t(`arming.why.${ended.why}`)}
    </p>
  );
}
