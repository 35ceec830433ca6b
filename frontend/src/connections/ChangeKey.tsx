/**
 * Another key for the same account of the exchange, another region, or another proxy.
 *
 * What is left as it is stays. What is in force trades on until the exchange has said that the new one is good. The
 * secret leaves the page once, in the request.
 */
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { changeConnection } from "../api/connections";
import { Refused } from "../api/errors";
import { newIntentId } from "../api/intent";
import type { ChangeConnection, Connection } from "../api/types";
import { queries } from "../app/services";
import { useStepUp } from "../auth/stepUp";
import { useWords } from "../i18n/useWords";
import { failureText, problemText } from "../i18n/words";
import { Dialog } from "../ui/Dialog";
import { connectionsQuery, environmentsQuery } from "./queries";
import { SafeKey } from "./SafeKey";
import { TextField } from "./TextField";

type ProxyChoice = "keep" | "other" | "none";

export function ChangeKey({ connection, onClose }: { connection: Connection; onClose: () => void }) {
  const { t, language } = useWords();
  const withProof = useStepUp();
  const environments = useQuery(environmentsQuery);
  const regions = environments.data?.find((each) => each.environment === connection.environment)?.regions ?? [];
  const [id, setId] = useState(newIntentId);
  const [key, setKey] = useState("");
  const [secret, setSecret] = useState("");
  const [region, setRegion] = useState(connection.region);
  const [choice, setChoice] = useState<ProxyChoice>("keep");
  const [proxy, setProxy] = useState("");
  const [tried, setTried] = useState(false);
  const changing = useMutation({
    mutationFn: (request: ChangeConnection) => withProof(() => changeConnection(connection.id, request)),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: connectionsQuery.queryKey });
      onClose();
    },
    onError: (error) => error instanceof Refused && setId(newIntentId()),
  });
  const half = (key.trim() === "") !== (secret.trim() === "");
  const nothing = key.trim() === "" && secret.trim() === "" && region === connection.region && choice === "keep";
  const proxyMissing = choice === "other" && proxy.trim() === "";
  const told = (field: string): string | null => {
    if (!(changing.error instanceof Refused)) return null;
    const problem = changing.error.problem.problems.find((each) => each.field === field);
    return problem === undefined ? null : problemText(t, problem.code, problem.params, language);
  };
  const missing = (value: string): string | null => (tried && half && value.trim() === "" ? t("connections.required") : null);
  const elsewhere =
    tried && nothing
      ? t("connections.change_nothing")
      : changing.error !== null && !(changing.error instanceof Refused && changing.error.problem.problems.length > 0)
        ? failureText(t, changing.error, language).text
        : null;
  const onSubmit = (event: FormEvent): void => {
    event.preventDefault();
    setTried(true);
    if (half || nothing || proxyMissing || changing.isPending) return;
    const typed = key.trim() === "" ? { key: null, secret: null } : { key: key.trim(), secret: secret.trim() };
    changing.mutate({
      id,
      ...typed,
      region: region === connection.region ? null : region,
      keep_proxy: choice === "keep",
      proxy: choice === "other" ? proxy.trim() : null,
    });
  };
  return (
    <Dialog title={t("connections.change_title", { name: connection.name })} testId="change-dialog" onClose={onClose}>
      {(close) => (
        <form className="stack wide" noValidate autoComplete="off" onSubmit={onSubmit}>
          <p>{t("connections.change_text")}</p>
          {connection.environment === "live" && (
            <p className="caution" data-testid="change-disarms">
              {t("connections.change_disarms")}
            </p>
          )}
          <SafeKey environment={connection.environment} />
          <TextField label={t("connections.change_key")} fault={missing(key) ?? told("key")} hint={t("connections.change_key_hint")}>
            {(field) => (
              <input {...field} data-first className="input" autoComplete="off" value={key} data-testid="change-key" onChange={(event) => setKey(event.target.value)} />
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
                data-testid="change-secret"
                onChange={(event) => setSecret(event.target.value)}
              />
            )}
          </TextField>
          {regions.length > 0 && (
            <details>
              <summary>{t("connections.network")}</summary>
              <p className="hint">{t("connections.change_way_hint")}</p>
              <TextField label={t("connections.region")} fault={told("region")} hint={t("connections.region_hint")}>
                {(field) => (
                  <select {...field} className="input" value={region} data-testid="change-region" onChange={(event) => setRegion(event.target.value)}>
                    {regions.map((each) => (
                      <option key={each.id} value={each.id}>
                        {each.id === "global" ? t("connections.region_global") : each.id.toUpperCase()} · {each.rest}
                      </option>
                    ))}
                  </select>
                )}
              </TextField>
              <TextField label={t("connections.proxy")} fault={null} hint={t("connections.change_proxy_hint")}>
                {(field) => (
                  <select {...field} className="input" value={choice} data-testid="change-proxy-choice" onChange={(event) => setChoice(event.target.value as ProxyChoice)}>
                    <option value="keep">{t("connections.proxy_keep", { proxy: connection.proxy_shown ?? t("connections.proxy_direct") })}</option>
                    <option value="other">{t("connections.proxy_another")}</option>
                    <option value="none">{t("connections.proxy_none")}</option>
                  </select>
                )}
              </TextField>
              {choice === "other" && (
                <TextField
                  label={t("connections.proxy_another")}
                  fault={tried && proxyMissing ? t("connections.required") : told("proxy")}
                  hint={t("connections.proxy_hint")}
                >
                  {(field) => (
                    <input
                      {...field}
                      className="input"
                      placeholder="socks5://user:password@host:1080"
                      value={proxy}
                      data-testid="change-proxy"
                      onChange={(event) => setProxy(event.target.value)}
                    />
                  )}
                </TextField>
              )}
            </details>
          )}
          {elsewhere !== null && (
            <p className="fault" role="alert" data-testid="change-error">
              {elsewhere}
            </p>
          )}
          <div className="row">
            <button type="submit" className="button primary" data-testid="change-confirm" disabled={changing.isPending}>
              {changing.isPending ? t("connections.adding") : t("connections.change_confirm")}
            </button>
            <button type="button" className="button" onClick={close}>
              {t("common.cancel")}
            </button>
          </div>
        </form>
      )}
    </Dialog>
  );
}
