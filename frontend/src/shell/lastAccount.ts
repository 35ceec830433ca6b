/**
 * Which account a person looked at last, in this tab: pages that are about none say its environment all the same.
 *
 * Real money must not lose its frame because somebody opened the settings. Beside it, that the way to real money was
 * confirmed: once in a tab, until its person leaves.
 */
const KEY = "tradewright.account";
const LIVE = "tradewright.live";

export function lastAccount(): string | null {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null; // storage may be forbidden; the first account is shown then
  }
}

export function noteAccount(id: string): void {
  try {
    sessionStorage.setItem(KEY, id);
  } catch {
    // As above.
  }
}

export function liveWasChosen(): boolean {
  try {
    return sessionStorage.getItem(LIVE) !== null;
  } catch {
    return false; // asked again is better than never
  }
}

export function noteLiveChosen(): void {
  try {
    sessionStorage.setItem(LIVE, "yes");
  } catch {
    // As above.
  }
}

/** For who comes next. */
export function forgetLastAccount(): void {
  try {
    sessionStorage.removeItem(KEY);
    sessionStorage.removeItem(LIVE);
  } catch {
    // As above.
  }
}
