/** Calls about bots and the start of their runs; errors as in `calls`. */
import { body, client } from "./calls";
import type { Bot, BotSettings, BotVersion, Environment, NewBot, NewRun, Run, RunState, StartChecks } from "./types";

/** What the list is narrowed to; what is not named is open. `name` is a part of it. */
export type BotFilter = {
  readonly state?: Bot["state"];
  readonly run_state?: RunState;
  readonly environment?: Environment;
  readonly strategy_id?: string;
  readonly name?: string;
};

export type BotPage = { readonly bots: readonly Bot[]; readonly next: string | null };

export function readBots(filter: BotFilter, before: string | null): Promise<BotPage> {
  const query = { ...filter, limit: 100, ...(before === null ? {} : { before }) };
  return body(client.GET("/api/v1/bots", { params: { query } }));
}

export async function readBot(id: string): Promise<Bot> {
  return (await body(client.GET("/api/v1/bots/{bot_id}", { params: { path: { bot_id: id } } }))).bot;
}

export async function readBotVersions(id: string): Promise<readonly BotVersion[]> {
  return (await body(client.GET("/api/v1/bots/{bot_id}/versions", { params: { path: { bot_id: id } } }))).versions;
}

/** The same id and name again are the same bot. */
export async function postBot(request: NewBot): Promise<Bot> {
  return (await body(client.POST("/api/v1/bots", { body: request }))).bot;
}

/** `version` is that of the bot as it was read; a bot that was changed since refuses. */
export async function editBot(id: string, version: number, settings: BotSettings): Promise<Bot> {
  const params = { path: { bot_id: id } };
  return (await body(client.PUT("/api/v1/bots/{bot_id}/settings", { params, body: { version, settings } }))).bot;
}

export async function renameBot(id: string, version: number, name: string): Promise<Bot> {
  const params = { path: { bot_id: id } };
  return (await body(client.POST("/api/v1/bots/{bot_id}/rename", { params, body: { version, name } }))).bot;
}

/** The same new id and name again are the same bot. */
export async function cloneBot(id: string, newId: string, name: string): Promise<Bot> {
  const params = { path: { bot_id: id } };
  return (await body(client.POST("/api/v1/bots/{bot_id}/clone", { params, body: { id: newId, name } }))).bot;
}

export async function archiveBot(id: string): Promise<Bot> {
  return (await body(client.POST("/api/v1/bots/{bot_id}/archive", { params: { path: { bot_id: id } } }))).bot;
}

export async function restoreBot(id: string): Promise<Bot> {
  return (await body(client.POST("/api/v1/bots/{bot_id}/restore", { params: { path: { bot_id: id } } }))).bot;
}

/** `typed` is its name as somebody typed it, where the bot has runs. */
export async function removeBot(id: string, typed: string): Promise<void> {
  await body(client.POST("/api/v1/bots/{bot_id}/remove", { params: { path: { bot_id: id } }, body: { name: typed } }));
}

export function readStartChecks(id: string): Promise<StartChecks> {
  return body(client.GET("/api/v1/bots/{bot_id}/start-checks", { params: { path: { bot_id: id } } }));
}

/** The same id again is the same run. */
export async function startRun(botId: string, request: NewRun): Promise<Run> {
  return (await body(client.POST("/api/v1/bots/{bot_id}/runs", { params: { path: { bot_id: botId } }, body: request }))).run;
}
