/** How far a stop is carried out, account by account, counted down as the exchange confirms. */
import { useQuery } from "@tanstack/react-query";
import type { KillAccount, KillLatch } from "../api/types";
import { accountsQuery } from "../app/session";
import { useWords } from "../i18n/useWords";
import { accountName, problemText } from "../i18n/words";
import { Icon, type IconName } from "../ui/Icon";

type Shown = KillAccount["state"] | "watching";

const DRAWING: Readonly<Record<Shown, IconName>> = { idle: "hourglass", acting: "spinner", watching: "check", done: "check", failing: "warning" };

/** Everything asked is done; for some seconds the worker still looks whether a request that was under way lands late. */
function isWatching(account: KillAccount, closing: boolean): boolean {
  return account.state === "acting" && account.orders === 0 && (!closing || account.positions === 0);
}

export function Progress({ accounts, closing }: { accounts: readonly KillAccount[]; closing: boolean }) {
  const { t, language } = useWords();
  const nameOf = useAccountName();
  return (
    <ul className="kill-progress" aria-label={t("kill.progress")}>
      {accounts.map((each) => {
        const shown = isWatching(each, closing) ? "watching" : each.state;
        return (
          <li key={each.account_id} data-testid="kill-account" data-state={shown}>
            <strong>{nameOf(each.account_id)}</strong>
            <span className={`kill-state ${shown}`}>
              <Icon name={DRAWING[shown]} className={shown === "acting" ? "spinning" : ""} /> {t(`kill.state_${shown}`)}
            </span>
            <span data-testid="kill-counts">
              {each.orders === null || each.positions === null
                ? t("kill.looking")
                : t("kill.counts", { orders: each.orders, positions: each.positions, kept: each.kept ?? 0 })}
            </span>
            {each.fault !== null && (
              <span className="caution">
                {problemText(t, each.fault, {}, language)} {each.detail !== null && t("problems.quoted", { text: each.detail })}
              </span>
            )}
            {each.spooled && <span className="hint">{t("kill.spooled")}</span>}
          </li>
        );
      })}
    </ul>
  );
}

/** What a stop is about, in words. */
export function useScopeWords(): (latch: Pick<KillLatch, "scope" | "account_id">) => string {
  const { t } = useWords();
  const nameOf = useAccountName();
  return (latch) => (latch.scope === "account" && latch.account_id !== null ? t("kill.of_account", { name: nameOf(latch.account_id) }) : t(latch.scope === "installation" ? "kill.of_installation" : "kill.of_workspace"));
}

function useAccountName(): (id: string) => string {
  const { t } = useWords();
  const accounts = useQuery(accountsQuery).data ?? [];
  return (id) => {
    const account = accounts.find((each) => each.id === id);
    return account === undefined ? id.slice(-8) : accountName(t, account);
  };
}
