/** What may be done with a bot in a list or on its page: start it, command its run, and a menu of the rest. */
import { useMutation } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { archiveBot, restoreBot } from "../api/bots";
import type { Bot, Run } from "../api/types";
import { useWords } from "../i18n/useWords";
import { failureText } from "../i18n/words";
import { isOver } from "../stream/runs";
import { Icon } from "../ui/Icon";
import { Popover } from "../ui/Popover";
import { CloneBot, RemoveBot, RenameBot } from "./BotDialogs";
import { tookBot } from "./queries";
import { Commands } from "./run/Commands";
import { useMayTrade } from "./useRun";

type Opened = "rename" | "clone" | "remove" | null;

export function BotActions({ bot, run }: { bot: Bot; run: Run | null }) {
  const { t, language } = useWords();
  const mayTrade = useMayTrade();
  const [opened, setOpened] = useState<Opened>(null);
  const filing = useMutation({ mutationFn: () => (bot.state === "archived" ? restoreBot(bot.id) : archiveBot(bot.id)), onSuccess: tookBot });
  if (!mayTrade) return null;
  const isBusy = run !== null && !isOver(run);
  const close = (): void => setOpened(null);
  return (
    <span className="row">
      {isBusy && <Commands run={run} extend={false} />}
      {!isBusy && bot.state !== "archived" && (
        <Link to="/bots/new" search={{ bot: bot.id, step: bot.state === "draft" ? "strategy" : "start" }} className="button small" data-testid="bot-start">
          {t(bot.state === "draft" ? "bots.finish_draft" : "bots.start")}
        </Link>
      )}
      <Popover label={t("bots.menu", { bot: bot.name })} trigger={<Icon name="chevron" />} triggerClass="icon-button small" testId="bot-menu">
        {(shut) => {
          const then = (what: () => void) => () => {
            shut();
            what();
          };
          return (
            <div className="stack tight">
              <MenuItem name="rename" onClick={then(() => setOpened("rename"))} />
              <MenuItem name="clone" onClick={then(() => setOpened("clone"))} />
              {!isBusy && <MenuItem name={bot.state === "archived" ? "restore" : "archive"} onClick={then(() => filing.mutate())} />}
              {!isBusy && <MenuItem name="remove" onClick={then(() => setOpened("remove"))} />}
            </div>
          );
        }}
      </Popover>
      {filing.isError && (
        <span className="fault" role="alert">
          {failureText(t, filing.error, language).text}
        </span>
      )}
      {opened === "rename" && <RenameBot bot={bot} onClose={close} />}
      {opened === "clone" && <CloneBot bot={bot} onClose={close} />}
      {opened === "remove" && <RemoveBot bot={bot} hasRuns={run !== null} onClose={close} />}
    </span>
  );
}

function MenuItem({ name, onClick }: { name: "rename" | "clone" | "archive" | "restore" | "remove"; onClick: () => void }) {
  const { t } = useWords();
  return (
    <button type="button" className="button quiet" data-testid={`bot-${name}`} onClick={onClick}>
      {t(`bots.${name}`)}
    </button>
  );
}
