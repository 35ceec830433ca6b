/** Reads the vectors that page and server share, and turns their JSON into the shapes of the rules. For tests only. */
import { readFileSync } from "node:fs";
import type { Instrument } from "../api/types";

type Json = null | string | number | boolean | readonly Json[] | { readonly [key: string]: Json };

export function vectors<T>(name: string): T {
  return JSON.parse(readFileSync(`../tests/data/${name}.json`, "utf8")) as T;
}

/** `trigger_price` → `triggerPrice`, all the way down: the rules speak TypeScript, the vectors Python. */
export function camel<T>(value: Json): T {
  if (Array.isArray(value)) return value.map((each: Json) => camel(each)) as T;
  if (typeof value !== "object" || value === null) return value as T;
  const entries = Object.entries(value).map(([key, each]) => [key.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()), camel(each)]);
  return Object.fromEntries(entries) as T;
}

export function listed(instruments: Readonly<Record<string, Instrument>>, name: string): Instrument {
  const found = instruments[name];
  if (found === undefined) throw new Error(`the vectors have no instrument ${name}`);
  return found;
}

export type { Json };
