/**
 * API tokens: keys of one's own for programs. The list, the form that makes one, the one look at it, and revoking.
 *
 * The token itself is in this component's memory from its making until it is put away, and nowhere else in the page.
 */
import { queryOptions, useMutation, useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { readTokens, revokeToken, type ApiToken, type MadeToken } from "../api/tokens";
import { queries } from "../app/services";
import { useWords } from "../i18n/useWords";
import { failureText } from "../i18n/words";
import { Dialog } from "../ui/Dialog";
import { Failure } from "../ui/Failure";
import { Waiting } from "../ui/Waiting";
import { NewToken } from "./NewToken";

export const tokensQuery = queryOptions({ queryKey: ["tokens"], queryFn: readTokens, staleTime: 5_000 });

export function TokensSection() {
  const { t } = useWords();
  const tokens = useQuery(tokensQuery);
  const [adding, setAdding] = useState(false);
  const [made, setMade] = useState<MadeToken | null>(null);
  const [revoking, setRevoking] = useState<ApiToken | null>(null);
  const opener = useRef<HTMLButtonElement>(null);
  const put = (next: MadeToken | null): void => {
    setAdding(false);
    setMade(next);
    if (next === null) queueMicrotask(() => opener.current?.focus());
  };
  return (
    <section aria-labelledby="tokens-title" data-testid="tokens">
      <div className="settings-head">
        <h1 id="tokens-title">{t("tokens.title")}</h1>
        <span className="spacer" />
        <button ref={opener} type="button" className="button primary" data-testid="token-add" hidden={adding || made !== null} onClick={() => setAdding(true)}>
          {t("tokens.add")}
        </button>
      </div>
      <p className="muted">{t("tokens.text")}</p>
      {adding && <NewToken onMade={put} onCancel={() => put(null)} />}
      {made !== null && <OneLook made={made} onDone={() => put(null)} />}
      {tokens.isError && <Failure what={t("tokens.title")} error={tokens.error} onRetry={() => void tokens.refetch()} />}
      {tokens.data === undefined && !tokens.isError && <Waiting rows={2} onRetry={() => void tokens.refetch()} />}
      {tokens.data?.tokens.length === 0 && (
        <p className="muted" data-testid="tokens-empty">
          {t("tokens.empty")}
        </p>
      )}
      {tokens.data?.tokens.map((each) => (
        <Card key={each.id} token={each} onRevoke={() => setRevoking(each)} />
      ))}
      {revoking !== null && <Revoke token={revoking} onClose={() => setRevoking(null)} />}
    </section>
  );
}

function Card({ token, onRevoke }: { token: ApiToken; onRevoke: () => void }) {
  const { t, language } = useWords();
  const day = (ms: number): string => new Date(ms).toLocaleDateString(language, { dateStyle: "medium" });
  const moment = (ms: number): string => new Date(ms).toLocaleString(language, { dateStyle: "medium", timeStyle: "short" });
  return (
    <article className="box connection" data-testid="token" data-ended={token.ended}>
      <header className="connection-head">
        <strong className="wrap">{token.name}</strong>
        <span className="code">tw_…{token.ending}</span>
        <span className="spacer" />
        <button type="button" className="button small" data-testid="token-revoke" aria-label={t("tokens.revoke_named", { name: token.name })} onClick={onRevoke}>
          {token.ended ? t("tokens.put_away") : t("tokens.revoke")}
        </button>
      </header>
      <p>{token.scopes.map((scope) => t(`tokens.may_${scope}`)).join(", ")}</p>
      <p className="hint">
        {token.ended ? t("tokens.ended", { day: day(token.expires_ms) }) : t("tokens.until", { day: day(token.expires_ms) })}
        {" · "}
        {token.last_used_ms === null ? t("tokens.never_used") : t("tokens.used", { moment: moment(token.last_used_ms), address: token.last_used_ip ?? "—" })}
      </p>
    </article>
  );
}

/** Shown once, because only its hash is kept. */
function OneLook({ made, onDone }: { made: MadeToken; onDone: () => void }) {
  const { t } = useWords();
  const [copied, setCopied] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.select(), []);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(made.text);
      setCopied(true);
    } catch {
      field.current?.select(); // no right to the clipboard: it is marked, to be copied by hand
    }
  };
  return (
    <div className="box" role="status" data-testid="token-made">
      <h2>{t("tokens.made", { name: made.token.name })}</h2>
      <p>{t("tokens.made_text")}</p>
      <input ref={field} className="input code" readOnly value={made.text} aria-label={t("tokens.itself")} data-testid="token-text" onFocus={(event) => event.target.select()} />
      <p className="hint">
        {t("tokens.header")} <span className="code">Authorization: Bearer tw_…</span>
      </p>
      <div className="row">
        <button type="button" className="button primary" data-testid="token-copy" onClick={() => void copy()}>
          {copied ? t("tokens.copied") : t("tokens.copy")}
        </button>
        <button type="button" className="button" data-testid="token-done" onClick={onDone}>
          {t("tokens.done")}
        </button>
      </div>
    </div>
  );
}

function Revoke({ token, onClose }: { token: ApiToken; onClose: () => void }) {
  const { t, language } = useWords();
  const revoking = useMutation({
    mutationFn: () => revokeToken(token.id),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: tokensQuery.queryKey });
      onClose();
    },
  });
  return (
    <Dialog title={t("tokens.revoke_title", { name: token.name })} testId="token-revoke-dialog" onClose={onClose}>
      {(close) => (
        <div className="stack">
          <p>{t("tokens.revoke_text")}</p>
          {revoking.isError && (
            <p className="fault" role="alert">
              {failureText(t, revoking.error, language).text}
            </p>
          )}
          <div className="row">
            <button type="button" className="button" data-first onClick={close}>
              {t("tokens.keep")}
            </button>
            <button type="button" className="button danger" data-testid="token-revoke-confirm" disabled={revoking.isPending} onClick={() => revoking.mutate()}>
              {t("tokens.revoke")}
            </button>
          </div>
        </div>
      )}
    </Dialog>
  );
}
