/**
 * Saving what the wizard holds: the text as a version of a strategy, then the bot with its settings.
 *
 * Each part has its id beforehand: asked again after a lost answer nothing is made twice. Refused, another try is another
 * thing and gets a new id. What was saved stays saved when a later part fails.
 */
import { useMutation } from "@tanstack/react-query";
import { editBot, postBot, renameBot } from "../../api/bots";
import { Refused } from "../../api/errors";
import { newIntentId } from "../../api/intent";
import { postStrategy } from "../../api/strategies";
import type { Bot, BotSettings, SpecChecked, SpecTemplate } from "../../api/types";
import { queries } from "../../app/services";
import { templatesQuery } from "../../backtests/queries";
import { tookBot } from "../queries";
import { isTextKept, markOf, settingsOf, type Draft, type Kept } from "./draft";
import type { Change } from "./WizardPage";

export function useSaving(draft: Draft, change: Change, checked: SpecChecked | undefined) {
  return useMutation({
    mutationFn: async (): Promise<Bot> => {
      const spec = checked?.spec;
      if (spec == null) throw new Error("nothing is saved of a strategy that is not right");
      const kept = isTextKept(draft) && draft.kept !== null ? draft.kept : await keep(draft, change, spec.name);
      const settings = settingsOf(draft, checked, kept.versionId);
      if (settings === null) throw new Error("nothing is saved while a step lacks something");
      const bot = draft.bot === null ? await make(draft, change, settings) : await alter(draft, draft.bot, change, settings);
      change({ kept, bot: { id: bot.id, version: bot.version, mark: markOf(draft, settings) } });
      tookBot(bot);
      return bot;
    },
  });
}

async function keep(draft: Draft, change: Change, name: string): Promise<Kept> {
  const template = unchangedTemplate(draft);
  const id = draft.ids.strategy;
  try {
    const made = await postStrategy({ id, name: name.trim().slice(0, 80), ...(template === null ? { text: draft.text } : { template: template.template }), message: "" });
    const kept = { text: draft.text, versionId: made.newest.id, strategyId: made.id, number: made.newest.number };
    change((now) => ({ kept, ids: { ...now.ids, strategy: newIntentId() } }));
    void queries.invalidateQueries({ queryKey: ["strategies"] });
    return kept;
  } catch (error) {
    if (error instanceof Refused) change((now) => ({ ids: { ...now.ids, strategy: newIntentId() } }));
    throw error;
  }
}

function unchangedTemplate(draft: Draft): SpecTemplate | null {
  if (draft.source !== "template") return null;
  return queries.getQueryData(templatesQuery.queryKey)?.find((each) => each.template === draft.template && each.text === draft.text) ?? null;
}

async function make(draft: Draft, change: Change, settings: BotSettings): Promise<Bot> {
  try {
    return await postBot({ id: draft.ids.bot, name: draft.name, settings });
  } catch (error) {
    if (error instanceof Refused) change((now) => ({ ids: { ...now.ids, bot: newIntentId() } }));
    throw error;
  }
}

/** A bot that somebody else changed since it was read refuses, and keeps what they made of it. */
async function alter(draft: Draft, bot: NonNullable<Draft["bot"]>, change: Change, settings: BotSettings): Promise<Bot> {
  const now = await renamed(draft, bot);
  if (now.version !== bot.version) change({ bot: { id: now.id, version: now.version, mark: null } });
  return editBot(bot.id, now.version, settings);
}

/** The same name again changes nothing, and needs no version. */
function renamed(draft: Draft, bot: NonNullable<Draft["bot"]>): Promise<Bot> {
  return renameBot(bot.id, bot.version, draft.name);
}
