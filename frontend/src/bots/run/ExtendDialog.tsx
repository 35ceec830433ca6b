/** A longer time for a run, counted from its beginning. It cannot be shortened: that is stopping. */
import { useMutation } from "@tanstack/react-query";
import { useId, useState } from "react";
import { extendRun } from "../../api/runs";
import type { Run } from "../../api/types";
import { useWords } from "../../i18n/useWords";
import { failureText } from "../../i18n/words";
import { Dialog } from "../../ui/Dialog";
import { tookRun } from "../queries";
import { MINUTE_MS, MINUTES_MAX, minutesIn } from "../wizard/draft";

export function ExtendDialog({ run, onClose }: { run: Run; onClose: () => void }) {
  const { t } = useWords();
  return (
    <Dialog title={t("runs.extend_dialog.title")} testId="extend-dialog" onClose={onClose}>
      {(close) => <Form run={run} close={close} />}
    </Dialog>
  );
}

function Form({ run, close }: { run: Run; close: () => void }) {
  const { t, language } = useWords();
  const field = useId();
  const [typed, setTyped] = useState("15");
  const more = minutesIn(typed);
  const durationMs = more === null ? null : run.duration_ms + more * MINUTE_MS;
  const fits = durationMs !== null && durationMs <= MINUTES_MAX * MINUTE_MS;
  const extending = useMutation({
    mutationFn: (whole: number) => extendRun(run.id, whole),
    onSuccess: (now) => {
      tookRun(now);
      close();
    },
  });
  const minutes = (ms: number): string => t("bots.minutes", { count: Math.round(ms / MINUTE_MS) });
  return (
    <form
      className="stack wide"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (fits && durationMs !== null && !extending.isPending) extending.mutate(durationMs);
      }}
    >
      <p>{t("runs.extend_dialog.now", { duration: minutes(run.duration_ms) })}</p>
      <div className="field">
        <label htmlFor={field}>{t("runs.extend_dialog.by")}</label>
        <input id={field} className="input" inputMode="numeric" value={typed} aria-invalid={!fits} data-testid="extend-minutes" onChange={(event) => setTyped(event.target.value)} />
        {fits && durationMs !== null ? <span className="hint">{t("runs.extend_dialog.then", { duration: minutes(durationMs) })}</span> : <span className="fault">{t("runs.extend_dialog.wrong")}</span>}
      </div>
      {extending.isError && (
        <p className="fault" role="alert">
          {failureText(t, extending.error, language).text}
        </p>
      )}
      <div className="row">
        <button type="button" className="button" onClick={close}>
          {t("common.cancel")}
        </button>
        <button type="submit" className="button primary" data-testid="extend-confirm" disabled={!fits || extending.isPending}>
          {t("runs.extend_dialog.confirm")}
        </button>
      </div>
    </form>
  );
}
