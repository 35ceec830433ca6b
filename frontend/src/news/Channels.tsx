/** A person's channels: added with an address that is shown never again, tried by a button, removed. */
import { useMutation } from "@tanstack/react-query";
import { useId, useState, type FormEvent } from "react";
import { addChannel, removeChannel, testChannel, type Channel, type NotificationSettings } from "../api/notifications";
import { Refused } from "../api/errors";
import { queries } from "../app/services";
import { useWords } from "../i18n/useWords";
import { failureText, problemText } from "../i18n/words";
import { Fault, moment, Question } from "../settings/parts";

const again = (): Promise<void> => queries.invalidateQueries({ queryKey: ["news-settings"] });

export function Channels({ settings }: { settings: NotificationSettings }) {
  const { t } = useWords();
  const [adding, setAdding] = useState(false);
  const isFull = settings.channels.length >= settings.channels_maximum;
  return (
    <section aria-labelledby="channels-title">
      <div className="settings-head">
        <h2 id="channels-title">{t("news.channels")}</h2>
        <span className="spacer" />
        <button type="button" className="button" data-testid="channel-add" hidden={adding} disabled={isFull} onClick={() => setAdding(true)}>
          {t("news.channel_add")}
        </button>
      </div>
      {adding && <NewChannel services={settings.services} onDone={() => setAdding(false)} />}
      {settings.channels.length === 0 && !adding && (
        <p className="muted" data-testid="channels-empty">
          {t("news.channels_empty")}
        </p>
      )}
      {settings.channels.map((each) => (
        <Card key={each.id} channel={each} />
      ))}
    </section>
  );
}

function Card({ channel }: { channel: Channel }) {
  const { t, language } = useWords();
  const [removing, setRemoving] = useState(false);
  const testing = useMutation({ mutationFn: () => testChannel(channel.id), onSettled: again });
  const failure = testing.data?.failure ?? channel.failure;
  return (
    <article className="box connection" data-testid="channel">
      <header className="connection-head">
        <strong className="wrap">{channel.name}</strong>
        <span className="code">{channel.service}://••••</span>
        <span className="spacer" />
        <button type="button" className="button small" aria-label={t("news.test_named", { name: channel.name })} data-testid="channel-test" disabled={testing.isPending} onClick={() => testing.mutate()}>
          {testing.isPending ? t("news.testing") : t("news.test")}
        </button>
        <button type="button" className="button small" aria-label={t("news.remove_named", { name: channel.name })} data-testid="channel-remove" onClick={() => setRemoving(true)}>
          {t("news.remove")}
        </button>
      </header>
      {testing.data !== undefined && testing.data.failure === null && (
        <p role="status" data-testid="channel-works">
          {t("news.test_sent")}
        </p>
      )}
      {failure !== null && (
        <p className="fault" role="status" data-testid="channel-failure">
          {problemText(t, failure.code, failure.params, language)}
        </p>
      )}
      <Fault error={testing.error} />
      <p className="hint">{channel.sent_ms === null ? t("news.never_sent") : t("news.sent", { moment: moment(channel.sent_ms, language) })}</p>
      {removing && (
        <Question
          title={t("news.remove_title", { name: channel.name })}
          text={t("news.remove_text")}
          act={t("news.remove")}
          keep={t("common.cancel")}
          onAct={async () => {
            await removeChannel(channel.id);
            await again();
          }}
          onClose={() => setRemoving(false)}
        />
      )}
    </article>
  );
}

function NewChannel({ services, onDone }: { services: readonly string[]; onDone: () => void }) {
  const { t, language } = useWords();
  const id = useId();
  const [name, setName] = useState("");
  const [address, setAddress] = useState("");
  const adding = useMutation({
    mutationFn: () => addChannel(name.trim(), address.trim()),
    onSuccess: async () => {
      setAddress("");
      onDone();
      await again();
    },
  });
  const told = (field: string): string | null => {
    const problem = adding.error instanceof Refused ? adding.error.problem.problems.find((each) => each.field === field) : undefined;
    return problem === undefined ? null : problemText(t, problem.code, problem.params, language);
  };
  const elsewhere = adding.isError && told("name") === null && told("address") === null ? failureText(t, adding.error, language).text : null;
  const onSubmit = (event: FormEvent): void => {
    event.preventDefault();
    if (name.trim() !== "" && address.trim() !== "" && !adding.isPending) adding.mutate();
  };
  return (
    <form className="box connection-form" noValidate autoComplete="off" data-testid="channel-form" onSubmit={onSubmit}>
      <div className="field">
        <label htmlFor={`${id}-name`}>{t("news.channel_name")}</label>
        <input id={`${id}-name`} className="input" maxLength={40} value={name} data-testid="channel-name" aria-invalid={told("name") !== null} aria-describedby={`${id}-name-notes`} onChange={(event) => setName(event.target.value)} />
        <span id={`${id}-name-notes`} className={told("name") === null ? "hint" : "fault"}>
          {told("name") ?? t("news.channel_name_hint")}
        </span>
      </div>
      <div className="field">
        <label htmlFor={`${id}-address`}>{t("news.address")}</label>
        <input id={`${id}-address`} className="input code" type="password" autoComplete="off" spellCheck={false} maxLength={1000} value={address} data-testid="channel-address" aria-invalid={told("address") !== null} aria-describedby={`${id}-address-notes`} onChange={(event) => setAddress(event.target.value)} />
        <span id={`${id}-address-notes`} className={told("address") === null ? "hint" : "fault"}>
          {told("address") ?? t("news.address_hint", { services: services.map((each) => `${each}://`).join(" ") })}
        </span>
      </div>
      {elsewhere !== null && (
        <p className="fault" role="alert">
          {elsewhere}
        </p>
      )}
      <div className="row">
        <button type="submit" className="button primary" data-testid="channel-submit" disabled={adding.isPending}>
          {adding.isPending ? t("news.adding") : t("news.channel_add")}
        </button>
        <button type="button" className="button" onClick={onDone}>
          {t("common.cancel")}
        </button>
      </div>
    </form>
  );
}
