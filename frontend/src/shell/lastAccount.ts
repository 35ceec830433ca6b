/**
 * Which account a person looked at last, in this tab: pages that are about none say its environment all the same.
 *
 * Real money must not lose its frame because somebody opened the settings.
 */
const KEY = "tradewright.account";

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
