/**
 * The form that adds an account of the exchange by its API key.
 *
 * Key and secret leave the page once, in the request, and are in no store of it. After a refusal of the form they stay
 * typed; once it was taken they are gone. One id for a form: sending it again is the same connection.
 */
import { useMutation, useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState, type FormEvent } from "react";
import { postConnection } from "../api/connections";
import { Refused } from "../api/errors";
import { newIntentId } from "../api/intent";
import type { Environment, EnvironmentFacts, NewConnection } from "../api/types";
import { queries } from "../app/services";
import { useWords } from "../i18n/useWords";
import { failureText, faultText, problemText } from "../i18n/words";
import { useStepUp } from "../auth/stepUp";
import { ENVIRONMENT_WORD } from "../shell/Environment";
import { Failure } from "../ui/Failure";
import { Segments } from "../ui/Segments";
import { Waiting } from "../ui/Waiting";
import { connectionsQuery, environmentsQuery } from "./queries";
import { SafeKey } from "./SafeKey";
import { TextField } from "./TextField";

type Field = "name" | "key" | "secret" | "proxy" | "region" | "environment";
const OFFERED: readonly Environment[] = ["sim", "demo", "testnet", "live"];

export function AddConnection({ onDone }: { onDone: () => void }) {
  const { t } = useWords();
  const environments = useQuery(environmentsQuery);
  const again = (): void => void environments.refetch();
  // What is being typed stays, even when asking for the list once more should fail.
  if (environments.data !== undefined) return <Form environments={environments.data} onDone={onDone} />;
  if (environments.isError) return <Failure what={t("connections.add")} error={environments.error} onRetry={again} />;
  return <Waiting rows={4} onRetry={again} />;
}

function Form({ environments, onDone }: { environments: readonly EnvironmentFacts[]; onDone: () => void }) {
  const { t, language } = useWords();
  const [id, setId] = useState(newIntentId);
  const [environment, setEnvironment] = useState<Environment>("demo");
  const [name, setName] = useState("");
  const [key, setKey] = useState("");
  const [secret, setSecret] = useState("");
  const [region, setRegion] = useState("global");
  const [proxy, setProxy] = useState("");
  const [tried, setTried] = useState(false);
  const first = useRef<HTMLInputElement>(null);
  useEffect(() => first.current?.focus(), []);
  const facts = environments.find((each) => each.environment === environment);
  const withProof = useStepUp();
  const adding = useMutation({
    mutationFn: (request: NewConnection) => withProof(() => postConnection(request)),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: connectionsQuery.queryKey });
      onDone();
    },
    // Another try is another connection, unless nobody answered: then it may be there, and the same id finds it.
    onError: (error) => error instanceof Refused && setId(newIntentId()),
  });
  const missing = (value: string): string | null => (tried && value.trim() === "" ? t("connections.required") : null);
  const told = (field: Field): string | null => {
    if (!(adding.error instanceof Refused)) return null;
    const problem = adding.error.problem.problems.find((each) => each.field === field);
    return problem === undefined ? null : problemText(t, problem.code, problem.params, language);
  };
  const elsewhere =
    adding.error !== null && !(adding.error instanceof Refused && adding.error.problem.problems.length > 0)
      ? failureText(t, adding.error, language).text
      : null;

  const onSubmit = (event: FormEvent): void => {
    event.preventDefault();
    setTried(true);
    if ([name, key, secret].some((each) => each.trim() === "") || facts?.refusal != null || adding.isPending) return;
    adding.mutate({
      id,
      environment,
      name: name.trim(),
      key: key.trim(),
      secret: secret.trim(),
      region,
      proxy: proxy.trim() === "" ? null : proxy.trim(),
    });
  };

  return (
    <form className="box connection-form" noValidate autoComplete="off" data-testid="connection-form" onSubmit={onSubmit}>
      <h2>{t("connections.add_title")}</h2>
      <p className="muted">{t("connections.add_text")}</p>
      <Segments
        label={t("connections.environment")}
        value={environment}
        options={OFFERED.map((value) => ({ value, label: ENVIRONMENT_WORD[value], testId: `connection-env-${value}` }))}
        onChange={(value) => {
          setEnvironment(value);
          setRegion("global");
        }}
      />
      <p className="hint">{t(`shell.env_${environment}_hint`)}</p>
      <SafeKey environment={environment} />
      {facts?.refusal != null && (
        <p className="caution" role="status" data-testid="connection-env-refused">
          {faultText(t, facts.refusal, language)}
        </p>
      )}
      <TextField label={t("connections.name")} fault={missing(name) ?? told("name")} hint={t("connections.name_hint")}>
        {(field) => (
          <input {...field} ref={first} className="input" maxLength={64} value={name} data-testid="connection-name" onChange={(event) => setName(event.target.value)} />
        )}
      </TextField>
      <TextField label={t("connections.key")} fault={missing(key) ?? told("key")} hint={t("connections.key_hint")}>
        {(field) => (
          <input {...field} className="input" autoComplete="off" value={key} data-testid="connection-key" onChange={(event) => setKey(event.target.value)} />
        )}
      </TextField>
      <TextField label={t("connections.secret")} fault={missing(secret) ?? told("secret")} hint={t("connections.secret_hint")}>
        {(field) => (
          <input
            {...field}
            className="input"
            type="password"
            autoComplete="new-password"
            value={secret}
            data-testid="connection-secret"
            onChange={(event) => setSecret(event.target.value)}
          />
        )}
      </TextField>
      {(facts?.regions.length ?? 0) > 0 && (
        <details>
          <summary>{t("connections.network")}</summary>
          <TextField label={t("connections.region")} fault={told("region")} hint={t("connections.region_hint")}>
            {(field) => (
              <select {...field} className="input" value={region} data-testid="connection-region" onChange={(event) => setRegion(event.target.value)}>
                {(facts?.regions ?? []).map((each) => (
                  <option key={each.id} value={each.id}>
                    {each.id === "global" ? t("connections.region_global") : each.id.toUpperCase()} · {each.rest}
                  </option>
                ))}
              </select>
            )}
          </TextField>
          <TextField label={t("connections.proxy")} fault={told("proxy")} hint={t("connections.proxy_hint")}>
            {(field) => (
              <input
                {...field}
                className="input"
                placeholder="socks5://user:password@host:1080"
                value={proxy}
                data-testid="connection-proxy"
                onChange={(event) => setProxy(event.target.value)}
              />
            )}
          </TextField>
        </details>
      )}
      {elsewhere !== null && (
        <p className="fault" role="alert" data-testid="connection-error">
          {elsewhere}
        </p>
      )}
      <div className="row">
        <button type="submit" className="button primary" data-testid="connection-submit" disabled={adding.isPending || facts?.refusal != null}>
          {adding.isPending ? t("connections.adding") : t("connections.add_submit", { name: ENVIRONMENT_WORD[environment] })}
        </button>
        <button type="button" className="button" onClick={onDone}>
          {t("common.cancel")}
        </button>
      </div>
    </form>
  );
}
