/** The exchange refused the key or the account itself: what it said, and going on once somebody has looked. */
import { useMutation } from "@tanstack/react-query";
import { resumeAccount } from "../api/standing";
import type { Account } from "../api/types";
import { notices } from "../app/services";
import { exactTime, tableTime } from "../format/time";
import { useWords } from "../i18n/useWords";
import { failureText } from "../i18n/words";
import { useNow } from "../stream/hooks";

type Props = { readonly accountId: string; readonly stop: NonNullable<Account["stopped"]>; readonly mayTrade: boolean };

export function Stopped({ accountId, stop, mayTrade }: Props) {
  const { t, language } = useWords();
  const now = useNow(30_000);
  const resuming = useMutation({
    mutationFn: () => resumeAccount(accountId),
    onSuccess: () => notices.speak(t("standing.resumed")),
  });
  return (
    <section className="box error" data-testid="account-stopped" aria-label={t("standing.stopped")}>
      <strong>{t("standing.stopped")}</strong>
      <p>
        {t("standing.stopped_text")}{" "}
        {stop.exchange_text !== null && t("problems.quoted", { text: `${stop.exchange_code ?? ""} ${stop.exchange_text}`.trim() })}
      </p>
      <p className="hint">
        <time dateTime={exactTime(stop.since_ms)}>{tableTime(stop.since_ms, now)}</time>
      </p>
      {resuming.isError && (
        <p className="fault" role="alert">
          {failureText(t, resuming.error, language).text}
        </p>
      )}
      {resuming.isSuccess && <p role="status">{t("standing.resumed")}</p>}
      <button type="button" className="button" data-testid="account-resume" disabled={!mayTrade || resuming.isPending} onClick={() => resuming.mutate()}>
        {t("standing.resume")}
      </button>
    </section>
  );
}
