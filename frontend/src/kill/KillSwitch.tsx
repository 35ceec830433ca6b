/**
 * The kill switch of the header: a button and Ctrl+Shift+K on every screen, a sheet that says what it does, and a hold of
 * a second and a half or a typed word, which nobody does by mistake.
 *
 * It asks over HTTP and needs neither the stream nor a ready account. Where the server does not answer at all, the sheet
 * names the command that does the same on the server itself, and the exchange's own address.
 */
import { useMutation, useQuery } from "@tanstack/react-query";
import { useEffect, useId, useRef, useState } from "react";
import { NoAnswer, Refused } from "../api/errors";
import { postKill } from "../api/standing";
import type { Account, KillAccount, KillAnswer } from "../api/types";
import { notices, queries } from "../app/services";
import { accountsQuery, sessionQuery } from "../app/session";
import { useWords } from "../i18n/useWords";
import { accountName, failureText } from "../i18n/words";
import { useRuns } from "../stream/hooks";
import { isOver } from "../stream/runs";
import { Dialog } from "../ui/Dialog";
import { HoldButton } from "../ui/HoldButton";
import { Icon } from "../ui/Icon";
import { Segments } from "../ui/Segments";
import { killQuery, stillOpen } from "./queries";
import { Progress } from "./progress";

// In whatever language the page is: who is in a hurry does not change the layout of the keyboard.
const STOP_WORDS = ["STOP", "СТОП"];
const EXCHANGE_ADDRESS = "https://www.bybit.com";

export function KillSwitch({ account }: { account: Account | null }) {
  const { t } = useWords();
  const [open, setOpen] = useState(false);
  useEffect(() => {
    // By physical key, and also while somebody types: whoever presses this means it.
    const onKey = (event: KeyboardEvent): void => {
      if (!(event.ctrlKey || event.metaKey) || !event.shiftKey || event.code !== "KeyK") return;
      event.preventDefault();
      if (!event.repeat) setOpen(true);
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
  return (
    <>
      <button
        type="button"
        className="kill-button"
        data-testid="kill-open"
        aria-haspopup="dialog"
        aria-keyshortcuts="Control+Shift+K"
        title={t("kill.hint")}
        onClick={() => setOpen(true)}
      >
        <Icon name="stop" size={16} />
        <span>{t("kill.button")}</span>
      </button>
      {open && (
        <Dialog title={t("kill.title")} testId="kill-dialog" onClose={() => setOpen(false)}>
          {(close) => <Sheet account={account} close={close} />}
        </Dialog>
      )}
    </>
  );
}

type Reach = "account" | "workspace";

/** How many runs of bots the stop ends; null: those of every account. */
function BotsHeld({ accountId }: { accountId: string | null }) {
  const { t } = useWords();
  const view = useRuns();
  if (view.phase !== "live") return null;
  const held = [...view.rows.values()].filter((run) => !isOver(run) && (accountId === null || run.account_id === accountId)).length;
  return (
    <strong data-testid="kill-bots" data-count={held}>
      {held === 0 ? t("kill.no_bots") : t("kill.bots", { count: held })}
    </strong>
  );
}

function Sheet({ account, close }: { account: Account | null; close: () => void }) {
  const { t, language } = useWords();
  const session = useQuery(sessionQuery).data;
  const now = useQuery(killQuery);
  const [reach, setReach] = useState<Reach>(account === null ? "workspace" : "account");
  const [closing, setClosing] = useState(false);
  const mayStop = session?.workspace?.role !== "viewer";
  const known = useQuery(accountsQuery).data ?? [];
  const watched = (reach === "workspace" ? known : account === null ? [] : [account]).filter((each) => each.read_only);
  const pulling = useMutation({
    mutationFn: () => postKill({ scope: reach, account_id: reach === "account" ? (account?.id ?? null) : null, close_positions: closing }),
    onSuccess: () => {
      notices.speak(t("kill.announce"), "assertive");
      void queries.invalidateQueries({ queryKey: killQuery.queryKey });
    },
  });
  if (pulling.data !== undefined) {
    const answer = pulling.data;
    const stands = now.data !== undefined && now.dataUpdatedAt > pulling.submittedAt ? now.data.accounts : answer.accounts;
    return <Pulled answer={answer} accounts={stillOpen(answer.latch, stands)} close={close} />;
  }
  const unanswered = pulling.error instanceof NoAnswer || (pulling.error instanceof Refused && pulling.error.problem.status >= 500);
  return (
    <div className="stack wide">
      <ol className="kill-steps">
        <li>
          {t("kill.step_block")} <BotsHeld accountId={reach === "account" ? (account?.id ?? null) : null} />
        </li>
        <li>{t("kill.step_cancel")}</li>
        <li>{closing ? t("kill.step_close") : t("kill.step_keep")}</li>
      </ol>
      {account !== null && (
        <Segments
          label={t("kill.scope")}
          value={reach}
          options={[
            { value: "account", label: accountName(t, account), testId: "kill-scope-account" },
            { value: "workspace", label: t("kill.scope_all"), testId: "kill-scope-workspace" },
          ]}
          onChange={setReach}
        />
      )}
      <label className="tick">
        <input type="checkbox" checked={closing} data-testid="kill-close" onChange={(event) => setClosing(event.target.checked)} />
        {t("kill.also_close")}
      </label>
      {account !== null && account.session.state !== "ready" && <p className="hint">{t("kill.not_ready")}</p>}
      {!mayStop && <p className="caution">{t("kill.viewer")}</p>}
      {watched.length > 0 && (
        <p className="caution" data-testid="kill-read-only">
          {t("kill.read_only", { names: watched.map((each) => accountName(t, each)).join(", ") })}
        </p>
      )}
      {pulling.isError && (
        <p className="fault" role="alert" data-testid="kill-fault">
          {failureText(t, pulling.error, language).text}
        </p>
      )}
      {unanswered && <Elsewhere command={commandOf(reach, account, session?.workspace?.id ?? null, closing)} />}
      <Trigger
        disabled={!mayStop || pulling.isPending}
        label={pulling.isPending ? t("kill.stopping") : pulling.isError ? t("kill.again") : closing ? t("kill.confirm_close") : t("kill.confirm")}
        pull={() => pulling.mutate()}
      />
      <div className="row">
        <button type="button" className="button" onClick={close}>
          {t("kill.leave")}
        </button>
      </div>
    </div>
  );
}

/** Held or typed, one as good as the other: a switch, or a hand that cannot hold, types. */
function Trigger({ disabled, label, pull }: { disabled: boolean; label: string; pull: () => void }) {
  const { t } = useWords();
  const hint = useId();
  const field = useRef<HTMLInputElement>(null);
  const [typed, setTyped] = useState("");
  const [told, setTold] = useState<"holding" | "let_go" | "tapped" | null>(null);
  const isWord = STOP_WORDS.includes(typed.trim().toUpperCase());
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (isWord && !disabled) pull();
      }}
    >
      <HoldButton
        testId="kill-confirm"
        disabled={disabled}
        describedBy={hint}
        holding={t("kill.holding")}
        onHeld={pull}
        onStart={() => setTold("holding")}
        onLetGo={() => setTold("let_go")}
        onTap={() => {
          setTold("tapped");
          field.current?.focus();
        }}
      >
        {label}
      </HoldButton>
      <span id={hint} className="hint">
        {t("kill.hold_hint")}
      </span>
      <span role="status" className={told === "let_go" || told === "tapped" ? "caution" : "visually-hidden"} data-testid="kill-told">
        {told !== null && t(`kill.told_${told}`, { word: t("kill.stop_word") })}
      </span>
      <div className="row typed-row">
        <label className="field kill-typed">
          <span className="label">{t("kill.type_word", { word: t("kill.stop_word") })}</span>
          <input
            ref={field}
            className="input"
            autoComplete="off"
            autoCapitalize="characters"
            spellCheck={false}
            maxLength={10}
            disabled={disabled}
            value={typed}
            data-testid="kill-typed"
            onChange={(event) => setTyped(event.target.value)}
          />
        </label>
        <button type="submit" className="button danger" data-testid="kill-typed-go" disabled={disabled || !isWord}>
          {t("kill.typed_go")}
        </button>
      </div>
    </form>
  );
}

/** The server did not answer: nobody knows whether it stopped, so the way without it is named. */
function Elsewhere({ command }: { command: string }) {
  const { t } = useWords();
  return (
    <div className="box error" data-testid="kill-elsewhere">
      <p>{t("kill.elsewhere")}</p>
      <span className="code">{command}</span>
      <p>
        {t("kill.exchange")} <span className="code">{EXCHANGE_ADDRESS}</span>
      </p>
    </div>
  );
}

export function commandOf(reach: Reach, account: Pick<Account, "id"> | null, workspaceId: string | null, closing: boolean): string {
  const what = reach === "account" && account !== null ? `--account ${account.id}` : workspaceId === null ? "--all" : `--workspace ${workspaceId}`;
  return `tradewright kill ${what}${closing ? " --close" : ""}`;
}

function Pulled({ answer, accounts, close }: { answer: KillAnswer; accounts: readonly KillAccount[]; close: () => void }) {
  const { t } = useWords();
  const leave = useRef<HTMLButtonElement>(null);
  // The button that was held is gone, and a key that is still down must not fall to another one.
  useEffect(() => leave.current?.focus(), []);
  return (
    <div className="stack wide" data-testid="kill-pulled">
      <p role="status">
        <Icon name="stop" size={16} /> {t("kill.latched")}
      </p>
      {answer.reached !== "worker" && <p className="caution">{t("kill.no_worker")}</p>}
      {!answer.durable && <p className="caution">{t("kill.not_durable")}</p>}
      <Progress accounts={accounts} closing={answer.latch.close_positions} />
      <div className="row">
        <button ref={leave} type="button" className="button" onClick={close}>
          {t("common.close")}
        </button>
      </div>
    </div>
  );
}
