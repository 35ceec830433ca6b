/**
 * Words: catalogues by language and area, typed keys. Only the chosen language is loaded; the other one when it is asked
 * for, and then it stays.
 */
import i18next from "i18next";
import { initReactI18next } from "react-i18next";
import type { Language } from "../format/number";
import type en from "./catalogue.en";

export type Catalogue = typeof en;

declare module "i18next" {
  interface CustomTypeOptions {
    defaultNS: "page";
    resources: { page: Catalogue };
    returnNull: false;
    nsSeparator: false;
  }
}

const LOADERS: Readonly<Record<Language, () => Promise<{ readonly default: Catalogue }>>> = {
  en: () => import("./catalogue.en"),
  ru: () => import("./catalogue.ru"),
};

/** Loads the words of a language and speaks it. Rejects when they cannot be fetched. */
export async function startWords(language: Language): Promise<void> {
  const { default: words } = await LOADERS[language]();
  await i18next.use(initReactI18next).init({
    lng: language,
    // Every language is complete (the build sees to it), so none lends its words to another.
    fallbackLng: false,
    defaultNS: "page",
    nsSeparator: false,
    resources: { [language]: { page: words } },
    interpolation: { escapeValue: false }, // React renders text as text
    returnNull: false,
  });
}

/** Has a language's words there, without speaking it yet. Rejects when they cannot be fetched. */
export async function loadWords(language: Language): Promise<void> {
  if (i18next.hasResourceBundle(language, "page")) return;
  const { default: words } = await LOADERS[language]();
  i18next.addResourceBundle(language, "page", words);
}

export { i18next };
