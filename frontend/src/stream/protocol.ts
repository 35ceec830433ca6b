/** Messages of the browser stream, as the server sends them, and the reading of one text frame. */
import type { components } from "../api/schema";

type Schemas = components["schemas"];

export type AccountDelta =
  | Schemas["OrderEvent"]
  | Schemas["FillEvent"]
  | Schemas["PositionEvent"]
  | Schemas["BalancesEvent"]
  | Schemas["SessionEvent"]
  | Schemas["DriftEvent"]
  | Schemas["DifferenceEvent"]
  | Schemas["LedgerEvent"]
  | Schemas["ProtectionEvent"];
export type ExchangeHealth = Schemas["ExchangeLink"];
export type Heartbeat = Schemas["HeartbeatMessage"];
export type Message = Schemas["StreamServerMessage"];
export type SessionMessage = Schemas["SessionMessage"];
export type TopicMessage = Extract<Message, { type: "snapshot" | "delta" }>;

export type Topic =
  | { readonly kind: "account"; readonly accountId: string }
  /** How the workspace's runs stand, and what happens in one of them. */
  | { readonly kind: "runs" }
  | { readonly kind: "run"; readonly runId: string }
  /** Of whoever is signed in. */
  | { readonly kind: "notifications" }
  /** Keys begin with the environment, for each has a market of its own: `sim:linear:BTCUSDT`. */
  | { readonly kind: "ticker" | "candle" | "book" | "trades"; readonly key: string };

export const RUNS_TOPIC = "runs";

export function topicOf(topic: string): Topic | null {
  if (topic === RUNS_TOPIC) return { kind: "runs" };
  const [kind, ...rest] = topic.split(":");
  const key = rest.join(":");
  if (topic === "notifications") return { kind: topic };
  if (key === "") return null;
  switch (kind) {
    case "account":
      return { kind, accountId: key };
    case "run":
      return { kind, runId: key };
    case "ticker":
    case "candle":
    case "book":
    case "trades":
      return { kind, key };
    default:
      return null;
  }
}

/** A frame as a message, or null when it is not one of ours: a newer server may send kinds that we do not know. */
export function readMessage(frame: unknown): Message | null {
  if (typeof frame !== "string") return null;
  let value: unknown;
  try {
    value = JSON.parse(frame);
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null || !("type" in value)) return null;
  const type = value.type;
  if (type !== "heartbeat" && type !== "snapshot" && type !== "delta" && type !== "session" && type !== "error") return null;
  // The server is our own and of the same release; beyond its kind a message is taken at its word.
  return value as Message;
}
