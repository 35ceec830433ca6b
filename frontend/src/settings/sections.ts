/** The sections of the settings, in the order of their links, and who sees them. */
import type { Session } from "../api/types";

export type Section = {
  readonly to:
    | "/settings/profile"
    | "/settings/security"
    | "/settings/sessions"
    | "/settings/tokens"
    | "/settings/notifications"
    | "/settings/accounts"
    | "/settings/users"
    | "/settings/workspaces"
    | "/audit"
    | "/settings/installation";
  readonly name: "profile" | "security" | "sessions" | "tokens" | "notifications" | "accounts" | "users" | "workspaces" | "audit" | "installation";
  readonly isFor?: (session: Session) => boolean;
};

export const SECTIONS: readonly Section[] = [
  { to: "/settings/profile", name: "profile" },
  { to: "/settings/security", name: "security" },
  { to: "/settings/sessions", name: "sessions" },
  { to: "/settings/tokens", name: "tokens" },
  { to: "/settings/notifications", name: "notifications" },
  { to: "/settings/accounts", name: "accounts" },
  { to: "/settings/users", name: "users" },
  { to: "/settings/workspaces", name: "workspaces" },
  { to: "/audit", name: "audit" },
  { to: "/settings/installation", name: "installation", isFor: (session) => session.user?.is_operator === true },
];
