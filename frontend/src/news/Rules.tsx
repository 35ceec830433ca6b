/** Which kinds go to which channels, from which severity on, when it is quiet, and the message that says all is alive. */
import { useMutation } from "@tanstack/react-query";
import { useId, useState, type FormEvent, type ReactNode } from "react";
import { Refused } from "../api/errors";
import { setNotificationSettings, type Channel, type NotificationSettings } from "../api/notifications";
import { queries } from "../app/services";
import { useWords } from "../i18n/useWords";
import { failureText, problemText } from "../i18n/words";
import { bodyOf, draftOf, KINDS, NO_RULE, type Draft, type Kind, type RuleDraft } from "./rules";

const SEVERITIES = ["info", "warning", "critical"] as const;

export function Rules({ settings }: { settings: NotificationSettings }) {
  const { t, language } = useWords();
  const [draft, setDraft] = useState<Draft>(() => draftOf(settings, Intl.DateTimeFormat().resolvedOptions().timeZone));
  const saving = useMutation({
    mutationFn: () => setNotificationSettings(bodyOf(draft, settings.version)),
    onSuccess: (kept) => queries.setQueryData(["news-settings"], kept),
    onError: (error) => {
      if (error instanceof Refused && error.problem.code === "notify.settings_moved") void queries.invalidateQueries({ queryKey: ["news-settings"] });
    },
  });
  const change = (part: Partial<Draft>): void => setDraft({ ...draft, ...part });
  const first = saving.error instanceof Refused ? saving.error.problem.problems[0] : undefined;
  const fault = !saving.isError ? null : first === undefined ? failureText(t, saving.error, language).text : problemText(t, first.code, first.params, language);
  const onSubmit = (event: FormEvent): void => {
    event.preventDefault();
    if (!saving.isPending) saving.mutate();
  };
  return (
    <form className="stack" noValidate data-testid="news-rules" onSubmit={onSubmit}>
      <h2>{t("news.rules")}</h2>
      <p className="muted">{settings.channels.length === 0 ? t("news.rules_need_channel") : t("news.rules_text")}</p>
      {settings.channels.length > 0 && (
        <div className="news-rules">
          {KINDS.map((kind) => (
            <RuleRow key={kind} kind={kind} rule={draft.rules.get(kind) ?? NO_RULE} channels={settings.channels} onChange={(rule) => change({ rules: new Map(draft.rules).set(kind, rule) })} />
          ))}
        </div>
      )}
      <h2>{t("news.quiet")}</h2>
      <p className="muted">{t("news.quiet_text")}</p>
      <div className="row wrap">
        <Field label={t("news.quiet_from")}>{(id) => <input id={id} type="time" className="input" value={draft.quietFrom} data-testid="quiet-from" onChange={(event) => change({ quietFrom: event.target.value })} />}</Field>
        <Field label={t("news.quiet_to")}>{(id) => <input id={id} type="time" className="input" value={draft.quietTo} data-testid="quiet-to" onChange={(event) => change({ quietTo: event.target.value })} />}</Field>
        <Field label={t("news.time_zone")}>{(id) => <input id={id} className="input" maxLength={64} value={draft.timeZone} data-testid="time-zone" onChange={(event) => change({ timeZone: event.target.value })} />}</Field>
        <Field label={t("news.minimal")}>
          {(id) => (
            <select id={id} className="input" value={draft.severity} data-testid="minimal-severity" onChange={(event) => change({ severity: event.target.value as Draft["severity"] })}>
              {SEVERITIES.map((each) => (
                <option key={each} value={each}>
                  {t(`news.severity.${each}`)}
                </option>
              ))}
            </select>
          )}
        </Field>
      </div>
      <h2>{t("news.alive")}</h2>
      <p className="muted">{t("news.alive_text")}</p>
      <div className="row wrap">
        <Field label={t("news.alive_at")}>{(id) => <input id={id} type="time" className="input" value={draft.aliveAt} data-testid="alive-at" onChange={(event) => change({ aliveAt: event.target.value })} />}</Field>
        <Field label={t("news.alive_channel")}>{(id) => <Chosen id={id} channels={settings.channels} value={draft.aliveChannel} onChange={(aliveChannel) => change({ aliveChannel })} />}</Field>
      </div>
      {fault !== null && (
        <p className="fault" role="alert" data-testid="news-fault">
          {fault}
        </p>
      )}
      <div className="row">
        <button type="submit" className="button primary" data-testid="news-save" disabled={saving.isPending}>
          {saving.isPending ? t("news.saving") : t("news.save")}
        </button>
        {saving.isSuccess && (
          <span role="status" data-testid="news-saved">
            {t("news.saved")}
          </span>
        )}
      </div>
    </form>
  );
}

function RuleRow({ kind, rule, channels, onChange }: { kind: Kind; rule: RuleDraft; channels: readonly Channel[]; onChange: (rule: RuleDraft) => void }) {
  const { t } = useWords();
  const id = useId();
  const toggle = (channel: string): void => onChange({ ...rule, channels: rule.channels.includes(channel) ? rule.channels.filter((each) => each !== channel) : [...rule.channels, channel] });
  return (
    <fieldset className="news-rule" data-testid={`rule-${kind}`}>
      <legend>{t(`news.kind.${kind}`)}</legend>
      {channels.map((each) => (
        <label key={each.id} className="check">
          <input type="checkbox" checked={rule.channels.includes(each.id)} onChange={() => toggle(each.id)} />
          <span className="wrap">{each.name}</span>
        </label>
      ))}
      <span className="row wrap">
        <label htmlFor={`${id}-minutes`}>{t("news.escalate")}</label>
        <input id={`${id}-minutes`} className="input short" inputMode="numeric" maxLength={4} value={rule.minutes} onChange={(event) => onChange({ ...rule, minutes: event.target.value.replace(/\D/g, "") })} />
        <label htmlFor={`${id}-next`}>{t("news.escalate_to")}</label>
        <Chosen id={`${id}-next`} channels={channels} value={rule.next} onChange={(next) => onChange({ ...rule, next })} />
      </span>
    </fieldset>
  );
}

function Chosen({ id, channels, value, onChange }: { id: string; channels: readonly Channel[]; value: string; onChange: (value: string) => void }) {
  const { t } = useWords();
  return (
    <select id={id} className="input" value={value} onChange={(event) => onChange(event.target.value)}>
      <option value="">{t("news.nowhere")}</option>
      {channels.map((each) => (
        <option key={each.id} value={each.id}>
          {each.name}
        </option>
      ))}
    </select>
  );
}

function Field({ label, children }: { label: string; children: (id: string) => ReactNode }) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children(id)}
    </div>
  );
}
