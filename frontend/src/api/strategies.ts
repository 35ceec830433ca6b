/** Calls about kept strategies, and about strategies as text; errors as in `calls`. */
import type { Language } from "../format/number";
import { body, client } from "./calls";
import type {
  KeptStrategy,
  KeptStrategyVersions,
  NewSpecVersion,
  NewStrategy,
  ParamValue,
  SpecChecked,
  SpecDiff,
  SpecExplained,
  SpecVersionText,
} from "./types";

export type StrategyPage = { readonly strategies: readonly KeptStrategy[]; readonly next: string | null };

export function readStrategies(archived: boolean, before: string | null): Promise<StrategyPage> {
  const query = { archived, limit: 100, ...(before === null ? {} : { before }) };
  return body(client.GET("/api/v1/strategies", { params: { query } }));
}

export async function readStrategy(id: string): Promise<KeptStrategyVersions> {
  return (await body(client.GET("/api/v1/strategies/{strategy_id}", { params: { path: { strategy_id: id } } }))).strategy;
}

export async function readSpecVersion(id: string, number: number): Promise<SpecVersionText> {
  const path = { strategy_id: id, number };
  return (await body(client.GET("/api/v1/strategies/{strategy_id}/versions/{number}", { params: { path } }))).version;
}

/** The same request again is the same strategy. */
export async function postStrategy(request: NewStrategy): Promise<KeptStrategyVersions> {
  return (await body(client.POST("/api/v1/strategies", { body: request }))).strategy;
}

/** The same id and text again are the same version; the text of the newest makes none. */
export async function postSpecVersion(id: string, request: NewSpecVersion): Promise<SpecVersionText> {
  const params = { path: { strategy_id: id } };
  return (await body(client.POST("/api/v1/strategies/{strategy_id}/versions", { params, body: request }))).version;
}

export async function renameStrategy(id: string, name: string): Promise<KeptStrategyVersions> {
  const params = { path: { strategy_id: id } };
  return (await body(client.POST("/api/v1/strategies/{strategy_id}/rename", { params, body: { name } }))).strategy;
}

export async function archiveStrategy(id: string): Promise<KeptStrategyVersions> {
  return (await body(client.POST("/api/v1/strategies/{strategy_id}/archive", { params: { path: { strategy_id: id } } }))).strategy;
}

export async function restoreStrategy(id: string): Promise<KeptStrategyVersions> {
  return (await body(client.POST("/api/v1/strategies/{strategy_id}/restore", { params: { path: { strategy_id: id } } }))).strategy;
}

export function checkSpec(text: string, params: readonly ParamValue[]): Promise<SpecChecked> {
  return body(client.POST("/api/v1/specs/check", { body: { text, params: [...params] } }));
}

export function explainSpec(text: string, params: readonly ParamValue[], language: Language): Promise<SpecExplained> {
  return body(client.POST("/api/v1/specs/explain", { body: { text, params: [...params], language } }));
}

export function diffSpecs(old: string, fresh: string, language: Language): Promise<SpecDiff> {
  return body(client.POST("/api/v1/specs/diff", { body: { old, new: fresh, language } }));
}
