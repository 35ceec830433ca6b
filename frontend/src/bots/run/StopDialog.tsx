/** Stopping a run: what it has now, and three ways. Each does at least what those before it do, and none is taken back. */
import { useMutation } from "@tanstack/react-query";
import { useId, useState } from "react";
import { stopRun } from "../../api/runs";
import type { Run, StopHow } from "../../api/types";
import { notices } from "../../app/services";
import { useWords } from "../../i18n/useWords";
import { failureText } from "../../i18n/words";
import { useAccount } from "../../stream/hooks";
import { Dialog } from "../../ui/Dialog";
import { tookRun } from "../queries";
import { positionWords } from "./standing";

const WAYS: readonly StopHow[] = ["gentle", "now", "close"];

export function StopDialog({ run, onClose }: { run: Run; onClose: () => void }) {
  const { t } = useWords();
  return (
    <Dialog title={t("runs.stop_dialog.title", { bot: run.bot_name, number: run.number })} testId="stop-dialog" onClose={onClose}>
      {(close) => <Form run={run} close={close} />}
    </Dialog>
  );
}

function Form({ run, close }: { run: Run; close: () => void }) {
  const { t, language } = useWords();
  const group = useId();
  const isQueued = run.state === "queued";
  const asked = run.wishes.stop;
  // A weaker way than the one that was asked for changes nothing.
  const ways = asked === null ? WAYS : WAYS.slice(WAYS.indexOf(asked) + 1);
  const [chosen, setChosen] = useState<StopHow>(ways[0] ?? "close");
  const how = isQueued ? "now" : chosen;
  const stopping = useMutation({
    mutationFn: () => stopRun(run.id, how),
    onSuccess: (now) => {
      tookRun(now);
      notices.speak(t(`runs.stopping_how.${how}`));
      close();
    },
  });
  return (
    <form
      className="stack wide"
      onSubmit={(event) => {
        event.preventDefault();
        if (!stopping.isPending) stopping.mutate();
      }}
    >
      {isQueued ? <p>{t("runs.stop_dialog.queued")}</p> : <Exists run={run} />}
      {asked !== null && <p className="caution">{t("runs.stop_dialog.weaker")}</p>}
      {!isQueued && (
        <fieldset className="field">
          <legend className="label">{t("runs.stop_dialog.how")}</legend>
          {ways.map((way) => (
            <div key={way}>
              <label className="tick">
                <input type="radio" name={group} value={way} checked={chosen === way} aria-describedby={`${group}-${way}`} data-testid={`stop-${way}`} onChange={() => setChosen(way)} />
                {t(`runs.stop_dialog.${way}`)}
              </label>
              <span id={`${group}-${way}`} className="hint">
                {t(`runs.stop_dialog.${way}_text`)}
              </span>
            </div>
          ))}
        </fieldset>
      )}
      {stopping.isError && (
        <p className="fault" role="alert">
          {failureText(t, stopping.error, language).text}
        </p>
      )}
      <div className="row">
        <button type="button" className="button" data-first onClick={close}>
          {t("runs.stop_dialog.leave")}
        </button>
        <button type="submit" className="button danger" data-testid="stop-confirm" disabled={stopping.isPending}>
          {t(isQueued ? "runs.stop_dialog.confirm_queued" : `runs.stop_dialog.confirm_${chosen}`)}
        </button>
      </div>
    </form>
  );
}

const ENDED: ReadonlySet<string> = new Set(["filled", "cancelled", "rejected", "expired", "refused", "not_sent", "not_placed"]);

/** What is there that stopping is about: its own orders and its position. */
function Exists({ run }: { run: Run }) {
  const { t, language } = useWords();
  const state = useAccount(run.account_id);
  const known = state.phase === "live" || state.phase === "resyncing";
  const count = known ? [...state.data.orders.values()].filter((order) => order.run_id === run.id && !ENDED.has(order.status)).length : null;
  const orders = count === null ? t("runs.stop_dialog.orders_unknown") : count === 0 ? t("runs.stop_dialog.no_orders") : t("runs.stop_dialog.orders", { count });
  const position = positionWords(t, run, language);
  return (
    <p data-testid="stop-exists">
      {t("runs.stop_dialog.exists")}: {orders}, {position === null ? t("runs.stop_dialog.no_position") : t("runs.stop_dialog.position", { position })}.
    </p>
  );
}
