/** Where a notification leads: the screen of what it is about. */
import type { Notification } from "../api/notifications";

export type Lead =
  | { readonly to: "/settings/accounts/$account" | "/settings/accounts/$account/differences"; readonly account: string }
  | { readonly to: "/terminal/$account/$category/$symbol"; readonly account: string; readonly category: string; readonly symbol: string }
  | { readonly to: "/bots/$bot/runs/$run"; readonly bot: string; readonly run: string }
  | { readonly to: "/alerts" };

export function leadOf(told: Notification): Lead | null {
  const { kind, account_id: account, bot_id: bot, run_id: run } = told.link;
  const { category, symbol } = told.params;
  if (kind === "alert") return { to: "/alerts" };
  if (kind === "run" && bot !== undefined && run !== undefined) return { to: "/bots/$bot/runs/$run", bot, run };
  if (account === undefined) return null;
  if (kind === "differences") return { to: "/settings/accounts/$account/differences", account };
  if (category !== undefined && symbol !== undefined) return { to: "/terminal/$account/$category/$symbol", account, category, symbol };
  return { to: "/settings/accounts/$account", account };
}
