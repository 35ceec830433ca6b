/** The language that was chosen is spoken once its words are there; without them the page stays in the one it speaks. */
import { notices } from "../app/services";
import { i18next, loadWords } from "../i18n";
import { choose, preferences } from "./preferences";

/** Follows the choice until the returned function is called. */
export function followLanguage(load: typeof loadWords = loadWords): () => void {
  return preferences.subscribe(() => void speakChosen(load));
}

async function speakChosen(load: typeof loadWords): Promise<void> {
  const before = i18next.language === "ru" ? "ru" : "en";
  const chosen = preferences.get().language;
  if (chosen === before) return;
  try {
    await load(chosen);
    // Meanwhile another may have been chosen; its own turn speaks it.
    if (preferences.get().language === chosen) await i18next.changeLanguage(chosen);
  } catch {
    if (preferences.get().language === chosen) choose({ language: before });
    notices.show({ id: "language", tone: "bad", title: i18next.t("shell.language_failed"), text: i18next.t("problems.network"), lastsMs: null });
  }
}
