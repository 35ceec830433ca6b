/** Price alerts: what is waited for, what has fired, and the form that makes or changes one. None of them trades. */
import { queryOptions, useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { moveAlert, readAlerts, removeAlert, type PriceAlert } from "../api/notifications";
import { queries } from "../app/services";
import { grouping } from "../format/number";
import { useWords } from "../i18n/useWords";
import { Fault, moment, Question, SettingsPage } from "../settings/parts";
import { useNews } from "../stream/hooks";
import { Failure } from "../ui/Failure";
import { Waiting } from "../ui/Waiting";
import { AlertForm } from "./AlertForm";

const alertsQuery = queryOptions({ queryKey: ["alerts"], queryFn: readAlerts, staleTime: 2_000 });
const again = (): Promise<void> => queries.invalidateQueries({ queryKey: ["alerts"] });

export function AlertsPage() {
  const { t } = useWords();
  const found = useQuery(alertsQuery);
  const [editing, setEditing] = useState<PriceAlert | "new" | null>(null);
  useNews(); // a firing is told there, and the bell has the list read again
  const done = async (): Promise<void> => {
    setEditing(null);
    await again();
  };
  const actions = (
    <button type="button" className="button primary" data-testid="alert-add" hidden={editing !== null} onClick={() => setEditing("new")}>
      {t("alerts.add")}
    </button>
  );
  return (
    <SettingsPage title={t("alerts.title")} actions={actions}>
      <p className="muted">{t("alerts.text")}</p>
      {editing !== null && <AlertForm key={editing === "new" ? "new" : editing.id} alert={editing === "new" ? null : editing} onDone={done} onCancel={() => setEditing(null)} />}
      {found.isError && found.data === undefined && <Failure what={t("alerts.title")} error={found.error} onRetry={() => void found.refetch()} />}
      {found.data === undefined && !found.isError && <Waiting rows={3} onRetry={() => void found.refetch()} />}
      {found.data?.length === 0 && editing === null && (
        <p className="muted" data-testid="alerts-empty">
          {t("alerts.empty")}
        </p>
      )}
      {found.data?.map((each) => (
        <Card key={each.id} alert={each} onEdit={() => setEditing(each)} />
      ))}
    </SettingsPage>
  );
}

function Card({ alert, onEdit }: { alert: PriceAlert; onEdit: () => void }) {
  const { t, language } = useWords();
  const [removing, setRemoving] = useState(false);
  const moving = useMutation({ mutationFn: (deed: "pause" | "resume") => moveAlert(alert.id, deed), onSettled: again });
  const line = t(`alerts.line_${alert.price_by}_${alert.direction}`, { price: grouping(alert.price, language) });
  const name = `${alert.symbol} ${line}`;
  return (
    <article className="box connection" data-testid="alert" data-state={alert.state}>
      <header className="connection-head">
        <strong>{alert.symbol}</strong>
        <span>{line}</span>
        <span className="muted">
          {alert.environment.toUpperCase()} · {t(`alerts.category_${alert.category}`)}
        </span>
        <span className="spacer" />
        <span data-testid="alert-state">{t(`alerts.state_${alert.state}`)}</span>
        {alert.state === "waiting" && (
          <button type="button" className="button small" aria-label={t("alerts.pause_named", { name })} data-testid="alert-pause" disabled={moving.isPending} onClick={() => moving.mutate("pause")}>
            {t("alerts.pause")}
          </button>
        )}
        {(alert.state === "paused" || alert.state === "fired") && (
          <button type="button" className="button small" aria-label={t("alerts.resume_named", { name })} data-testid="alert-resume" disabled={moving.isPending} onClick={() => moving.mutate("resume")}>
            {t("alerts.resume")}
          </button>
        )}
        <button type="button" className="button small" aria-label={t("alerts.edit_named", { name })} data-testid="alert-edit" onClick={onEdit}>
          {t("alerts.edit")}
        </button>
        <button type="button" className="button small" aria-label={t("alerts.remove_named", { name })} data-testid="alert-remove" onClick={() => setRemoving(true)}>
          {t("alerts.remove")}
        </button>
      </header>
      {alert.note !== "" && <p className="wrap">{alert.note}</p>}
      <p className="hint">
        {t(alert.repeats ? "alerts.each_time" : "alerts.once")}
        {alert.ends_ms !== null && ` · ${t("alerts.until", { moment: moment(alert.ends_ms, language) })}`}
        {alert.fired_ms !== null && ` · ${t("alerts.fired_at", { moment: moment(alert.fired_ms, language), price: alert.fired_price === null ? "—" : grouping(alert.fired_price, language) })}`}
      </p>
      <Fault error={moving.error} />
      {removing && (
        <Question
          title={t("alerts.remove_title")}
          text={name}
          act={t("alerts.remove")}
          keep={t("common.cancel")}
          onAct={async () => {
            await removeAlert(alert.id);
            await again();
          }}
          onClose={() => setRemoving(false)}
        />
      )}
    </article>
  );
}
