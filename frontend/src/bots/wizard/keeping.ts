/**
 * Keeps a draft over a reload: in this tab's session storage, by what it is about, never longer. Nothing in it is secret.
 */
import type { Draft } from "./draft";

const PREFIX = "tradewright.bot.";

export function saveDraft(key: string, draft: Draft): void {
  try {
    sessionStorage.setItem(PREFIX + key, JSON.stringify(draft));
  } catch {
    // Without storage a reload loses the draft; what was saved of it is the server's.
  }
}

/** Null: there is none that this page can read. */
export function loadDraft(key: string, blank: Draft): Draft | null {
  try {
    const saved: unknown = JSON.parse(sessionStorage.getItem(PREFIX + key) ?? "null");
    return isDraft(saved, blank) ? saved : null;
  } catch {
    return null;
  }
}

export function dropDraft(key: string): void {
  try {
    sessionStorage.removeItem(PREFIX + key);
  } catch {
    // There was nothing to forget.
  }
}

/** Whoever logs out leaves nothing typed behind for the next person at this screen. */
export function forgetBotDrafts(): void {
  for (const key of Object.keys(sessionStorage)) if (key.startsWith(PREFIX)) sessionStorage.removeItem(key);
}

/** Every key is there with a value of the type that a blank draft has; what may be null is text or an object. */
function isDraft(value: unknown, blank: Draft): value is Draft {
  if (typeof value !== "object" || value === null) return false;
  const saved = value as Readonly<Record<string, unknown>>;
  return Object.entries(blank).every(([key, like]) => {
    const found = saved[key];
    if (found === undefined) return false;
    return like === null ? found === null || typeof found === "string" || typeof found === "object" : typeof found === typeof like && found !== null;
  });
}
