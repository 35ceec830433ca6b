/** Words for what can go wrong with a passkey in the browser, beside what any call can throw. */
import type { Language } from "../format/number";
import { failureText, type Words } from "../i18n/words";
import { PasskeyCancelled, PasskeyThere } from "./passkey";

export function proofFailure(t: Words, error: unknown, language: Language): string {
  if (error instanceof PasskeyCancelled) return t("auth.passkey_cancelled");
  if (error instanceof PasskeyThere) return t("problems.passkey.exists");
  return failureText(t, error, language).text;
}
