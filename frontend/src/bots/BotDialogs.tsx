/** Renaming, cloning and deleting a bot. One that has runs is deleted by typing its name. */
import { useMutation } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useId, useState } from "react";
import { cloneBot, removeBot, renameBot } from "../api/bots";
import { newIntentId } from "../api/intent";
import type { Bot } from "../api/types";
import { queries } from "../app/services";
import { useStepUp } from "../auth/stepUp";
import { useWords } from "../i18n/useWords";
import { failureText } from "../i18n/words";
import { Dialog } from "../ui/Dialog";
import { NameDialog } from "../ui/NameDialog";
import { botQuery, tookBot } from "./queries";
import { isName } from "./wizard/draft";

type Props = { readonly bot: Bot; readonly onClose: () => void };

export function RenameBot({ bot, onClose }: Props) {
  const { t } = useWords();
  const rename = async (name: string): Promise<void> => tookBot(await renameBot(bot.id, bot.version, name));
  return <NameDialog title={t("bots.rename_title", { bot: bot.name })} label={t("bots.name")} wrong={t("bots.name_wrong")} first={bot.name} testId="rename-dialog" isName={isName} onName={rename} onClose={onClose} />;
}

export function CloneBot({ bot, onClose }: Props) {
  const { t } = useWords();
  const navigate = useNavigate();
  // One dialog, one id for each name: sent again after a lost answer it makes nothing twice.
  const [ids] = useState(() => new Map<string, string>());
  const clone = async (name: string): Promise<void> => {
    const id = ids.get(name) ?? newIntentId();
    ids.set(name, id);
    const made = await cloneBot(bot.id, id, name);
    tookBot(made);
    void navigate({ to: "/bots/$bot", params: { bot: made.id } });
  };
  const first = t("bots.clone_name", { bot: bot.name }).slice(0, 80);
  return <NameDialog title={t("bots.clone_title", { bot: bot.name })} label={t("bots.name")} wrong={t("bots.name_wrong")} first={first} testId="clone-dialog" isName={isName} onName={clone} onClose={onClose} />;
}

export function RemoveBot({ bot, hasRuns, onClose }: Props & { readonly hasRuns: boolean }) {
  const { t } = useWords();
  return (
    <Dialog title={t("bots.remove_title", { bot: bot.name })} testId="remove-dialog" onClose={onClose}>
      {(close) => <Removal bot={bot} hasRuns={hasRuns} close={close} />}
    </Dialog>
  );
}

function Removal({ bot, hasRuns, close }: { bot: Bot; hasRuns: boolean; close: () => void }) {
  const { t, language } = useWords();
  const navigate = useNavigate();
  const withProof = useStepUp();
  const id = useId();
  const [typed, setTyped] = useState("");
  const fits = !hasRuns || typed.trim().toLowerCase() === bot.name.trim().toLowerCase();
  const removing = useMutation({
    mutationFn: () => withProof(() => removeBot(bot.id, typed)),
    onSuccess: async () => {
      close();
      await navigate({ to: "/bots" });
      queries.removeQueries({ queryKey: botQuery(bot.id).queryKey });
      await queries.invalidateQueries({ queryKey: ["bots"] });
    },
  });
  return (
    <form
      className="stack wide"
      onSubmit={(event) => {
        event.preventDefault();
        if (fits && !removing.isPending) removing.mutate();
      }}
    >
      <p>{t("bots.remove_text")}</p>
      {hasRuns && (
        <div className="field">
          <label htmlFor={id}>{t("bots.remove_typed", { bot: bot.name })}</label>
          <input id={id} className="input" autoComplete="off" spellCheck={false} value={typed} data-testid="remove-typed" onChange={(event) => setTyped(event.target.value)} />
        </div>
      )}
      {removing.isError && (
        <p className="fault" role="alert">
          {failureText(t, removing.error, language).text}
        </p>
      )}
      <div className="row">
        <button type="button" className="button" data-first={hasRuns ? undefined : true} onClick={close}>
          {t("bots.keep")}
        </button>
        <button type="submit" className="button danger" data-testid="remove-confirm" disabled={!fits || removing.isPending}>
          {t("bots.remove_confirm")}
        </button>
      </div>
    </form>
  );
}
