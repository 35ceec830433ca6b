/** A large order of real money is typed once more: its symbol. The server asks for the same, with prices of its own. */
import { useQuery } from "@tanstack/react-query";
import { useId } from "react";
import { accountsQuery } from "../app/session";
import { useWords } from "../i18n/useWords";
import { useAccount } from "../stream/hooks";

/** Above which value an order of this account is typed once more; null: of none. */
export function useConfirmAbove(accountId: string): string | null {
  const state = useAccount(accountId);
  const listed = useQuery(accountsQuery).data?.find((each) => each.id === accountId);
  const account = state.phase === "live" || state.phase === "resyncing" ? state.data.account : listed;
  return account?.armed?.confirm_above ?? null;
}

export function TypedOnce({ symbol, value, onChange }: { readonly symbol: string; readonly value: string; readonly onChange: (typed: string) => void }) {
  const { t } = useWords();
  const id = useId();
  return (
    <span className="field">
      <label htmlFor={id}>{t("ticket.type_to_confirm", { phrase: symbol })}</label>
      <input id={id} className="input" autoComplete="off" spellCheck={false} value={value} data-testid="typed-once" onChange={(event) => onChange(event.target.value)} />
    </span>
  );
}
