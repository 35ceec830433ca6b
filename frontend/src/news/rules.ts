/** What the form of rules holds and what it comes to. No React. */
import type { Notification, NotificationRule, NotificationSettings, SettingsBody } from "../api/notifications";

export type Kind = Notification["kind"];
/** In the order of how much they matter. Kinds of bots are here before bots are: their rules wait for them. */
export const KINDS: readonly Kind[] = [
  "kill", "naked_position", "order_unknown", "liquidation", "account_stopped", "run_failed", "bot_silent", "limit_hit",
  "order_failed", "drift", "ledger_break", "link_lost", "link_restored", "price_alert", "run", "fill", "kill_released",
];

export type RuleDraft = { readonly channels: readonly string[]; readonly minutes: string; readonly next: string };
export type Draft = {
  readonly timeZone: string;
  readonly quietFrom: string;
  readonly quietTo: string;
  readonly severity: SettingsBody["minimal_severity"];
  readonly aliveAt: string;
  readonly aliveChannel: string;
  readonly rules: ReadonlyMap<Kind, RuleDraft>;
};

export const NO_RULE: RuleDraft = { channels: [], minutes: "", next: "" };

/** 22:30 of 1350. */
export function clockOf(minute: number | null): string {
  if (minute === null) return "";
  return `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;
}

/** Null of what is no time of a day. */
export function minuteOf(clock: string): number | null {
  const found = /^([01]\d|2[0-3]):([0-5]\d)/.exec(clock);
  return found === null ? null : Number(found[1]) * 60 + Number(found[2]);
}

export function draftOf(settings: NotificationSettings, ownZone: string): Draft {
  const known = new Set(settings.channels.map((each) => each.id));
  const rule = ({ channel_ids, escalate_minutes, escalate_channel_id }: NotificationRule): RuleDraft => ({
    channels: channel_ids.filter((each) => known.has(each)),
    minutes: escalate_minutes === null ? "" : String(escalate_minutes),
    next: escalate_channel_id ?? "",
  });
  return {
    timeZone: settings.version === 0 ? ownZone : settings.time_zone,
    quietFrom: clockOf(settings.quiet_from),
    quietTo: clockOf(settings.quiet_to),
    severity: settings.minimal_severity,
    aliveAt: clockOf(settings.alive_at),
    aliveChannel: settings.alive_channel_id ?? "",
    rules: new Map(settings.rules.map((each) => [each.kind, rule(each)])),
  };
}

export function bodyOf(draft: Draft, version: number): SettingsBody {
  const rules = KINDS.flatMap((kind) => {
    const rule = draft.rules.get(kind);
    if (rule === undefined || (rule.channels.length === 0 && rule.next === "" && rule.minutes === "")) return [];
    const minutes = /^\d{1,4}$/.test(rule.minutes) ? Number(rule.minutes) : null;
    return [{ kind, channel_ids: [...rule.channels], escalate_minutes: minutes, escalate_channel_id: rule.next === "" ? null : rule.next }];
  });
  return {
    version,
    time_zone: draft.timeZone.trim(),
    quiet_from: minuteOf(draft.quietFrom),
    quiet_to: minuteOf(draft.quietTo),
    minimal_severity: draft.severity,
    alive_at: minuteOf(draft.aliveAt),
    alive_channel_id: draft.aliveChannel === "" ? null : draft.aliveChannel,
    rules,
  };
}
