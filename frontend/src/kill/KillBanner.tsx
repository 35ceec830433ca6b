/** Above every screen while a stop holds: what is stopped, since when and by whom, what is still open, and its release. */
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { releaseKill } from "../api/standing";
import type { KillLatch } from "../api/types";
import { notices, queries } from "../app/services";
import { accountsQuery, sessionQuery } from "../app/session";
import { tableTime } from "../format/time";
import { useWords } from "../i18n/useWords";
import { failureText, type Words } from "../i18n/words";
import { useNow } from "../stream/hooks";
import { Dialog } from "../ui/Dialog";
import { Icon } from "../ui/Icon";
import { killQuery, stillOpen } from "./queries";
import { Progress, useScopeWords } from "./progress";

export function KillBanner() {
  const { t } = useWords();
  const state = useQuery(killQuery).data;
  const session = useQuery(sessionQuery).data;
  const now = useNow(30_000);
  const scopeWords = useScopeWords();
  const [aboutId, setAboutId] = useState<string | null>(null);
  if (state === undefined || state.latches.length === 0) return null;
  const about = state.latches.find((latch) => latch.id === aboutId);
  return (
    <div className="banners">
      {state.latches.map((latch) => {
        const accounts = stillOpen(latch, state.accounts);
        const orders = sum(accounts.map((each) => each.orders));
        const positions = sum(accounts.map((each) => each.positions));
        const words = { scope: scopeWords(latch), time: tableTime(latch.pulled_ms, now), who: whoWords(t, latch, session?.user?.id ?? null) };
        return (
          <div key={latch.id} className="banner danger" data-testid="kill-banner">
            <Icon name="stop" size={16} />
            <span>
              {/* Told once; the counts beside it change every second. */}
              <strong role="alert">{t("kill.banner", words)}</strong>{" "}
              <span data-testid="kill-open-count">
                {accounts.length === 0 || orders === null || positions === null ? t("kill.looking") : t("kill.banner_open", { orders, positions })}
              </span>
            </span>
            <button type="button" className="button small" data-testid="kill-details" aria-haspopup="dialog" onClick={() => setAboutId(latch.id)}>
              {t("kill.details")}
            </button>
          </div>
        );
      })}
      {about !== undefined && (
        <Dialog title={t("kill.details_title", { scope: scopeWords(about) })} testId="release-dialog" onClose={() => setAboutId(null)}>
          {(close) => <Release latch={about} since={tableTime(about.pulled_ms, now)} who={whoWords(t, about, session?.user?.id ?? null)} close={close} />}
        </Dialog>
      )}
    </div>
  );
}

function Release({ latch, since, who, close }: { latch: KillLatch; since: string; who: string; close: () => void }) {
  const { t, language } = useWords();
  const state = useQuery(killQuery).data;
  const accounts = useQuery(accountsQuery).data ?? [];
  const session = useQuery(sessionQuery).data;
  const [typed, setTyped] = useState("");
  const covered = stillOpen(latch, state?.accounts ?? []);
  // With real money it takes a word; opening risk again is slow, stopping it was fast.
  const isLive = accounts.some((each) => each.environment === "live" && (latch.scope !== "account" || each.id === latch.account_id));
  const word = t("kill.live_word");
  const mayRelease = session?.workspace?.role !== "viewer" && (!isLive || typed.trim().toUpperCase() === word);
  const releasing = useMutation({
    mutationFn: () => releaseKill(latch.scope, latch.account_id),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: killQuery.queryKey });
      notices.speak(t("kill.released"));
      close();
    },
  });
  return (
    <div className="stack wide">
      <p>{t("kill.since", { time: since, who })}</p>
      {latch.close_positions && <p>{t("kill.closes")}</p>}
      <Progress accounts={covered} closing={latch.close_positions} />
      <p>{t("kill.release_text")}</p>
      {isLive && (
        <label className="field">
          <span className="label">{t("kill.release_typed", { word })}</span>
          <input className="input" autoComplete="off" spellCheck={false} value={typed} data-testid="release-typed" onChange={(event) => setTyped(event.target.value)} />
        </label>
      )}
      {releasing.isError && (
        <p className="fault" role="alert">
          {failureText(t, releasing.error, language).text}
        </p>
      )}
      <div className="row">
        <button type="button" className="button" data-first onClick={close}>
          {t("kill.keep")}
        </button>
        <button type="button" className="button danger" data-testid="kill-release" disabled={!mayRelease || releasing.isPending} onClick={() => releasing.mutate()}>
          {t("kill.release")}
        </button>
      </div>
    </div>
  );
}

function whoWords(t: Words, latch: KillLatch, me: string | null): string {
  if (latch.via === "file") return t("kill.who_file");
  if (latch.via === "cli" || latch.via === "socket" || latch.pulled_by === null) return t("kill.who_cli");
  return latch.pulled_by === me ? t("kill.who_you") : t("kill.who_another", { id: latch.pulled_by.slice(-8) });
}

/** Null while one of them has not been looked at. */
function sum(counts: readonly (number | null)[]): number | null {
  return counts.reduce<number | null>((all, each) => (all === null || each === null ? null : all + each), 0);
}
