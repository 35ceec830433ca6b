/**
 * Going from one account to another: to real money only after a question, once per log-in; and never with a ticket that
 * was typed for the other one.
 *
 * It watches the page's addresses, so every link there is, the browser's own back and forward included, is asked the same.
 */
import { useBlocker } from "@tanstack/react-router";
import { useEffect } from "react";
import type { Account } from "../api/types";
import { notices } from "../app/services";
import { useWords } from "../i18n/useWords";
import { accountName } from "../i18n/words";
import { emptyDraftsOfOthers, hasTyped } from "../ticket/draft";
import { Dialog } from "../ui/Dialog";
import { EnvironmentBadge } from "./Environment";
import { lastAccount, liveWasChosen, noteLiveChosen } from "./lastAccount";

const TOLD_MS = 6_000;

/** The account of a terminal's address; undefined for every other page. */
function traded(params: object): string | undefined {
  const { account, symbol } = params as { readonly account?: string; readonly symbol?: string };
  return symbol === undefined ? undefined : account;
}

export function LiveSwitch({ accounts }: { readonly accounts: readonly Account[] }) {
  const { t } = useWords();
  const blocker = useBlocker({
    shouldBlockFn: ({ current, next }) => {
      const wanted = accounts.find((each) => each.id === traded(next.params));
      if (wanted === undefined || wanted.environment !== "live" || liveWasChosen()) return false;
      return wanted.id !== (traded(current.params) ?? lastAccount());
    },
    enableBeforeUnload: false,
    withResolver: true,
  });
  if (blocker.status !== "blocked") return null;
  const wanted = accounts.find((each) => each.id === traded(blocker.next.params));
  if (wanted === undefined) return null;
  return (
    <Dialog title={t("shell.to_live_title")} testId="to-live" onClose={blocker.reset}>
      {(close) => (
        <div className="stack wide">
          <p className="row">
            <EnvironmentBadge environment="live" />
            <strong>{accountName(t, wanted)}</strong>
          </p>
          <p>{t("shell.to_live_text")}</p>
          {hasTyped(wanted.id) && <p className="caution">{t("shell.to_live_ticket")}</p>}
          <div className="row">
            <button type="button" className="button" data-first data-testid="to-live-stay" onClick={close}>
              {t("shell.to_live_stay")}
            </button>
            <button
              type="button"
              className="button danger"
              data-testid="to-live-go"
              onClick={() => {
                noteLiveChosen();
                blocker.proceed();
              }}
            >
              {t("shell.to_live_go")}
            </button>
          </div>
        </div>
      )}
    </Dialog>
  );
}

/** What was typed for another account than the one that is traded now is cleared, and that is told. */
export function useTicketOfOne(account: string | undefined): void {
  const { t } = useWords();
  useEffect(() => {
    if (account === undefined || !emptyDraftsOfOthers(account)) return;
    notices.show({ id: "ticket-cleared", tone: "info", title: t("shell.ticket_cleared"), text: t("shell.ticket_cleared_text"), lastsMs: TOLD_MS });
    notices.speak(`${t("shell.ticket_cleared")}. ${t("shell.ticket_cleared_text")}`);
  }, [account, t]);
}
