/** The words of the chosen language, for components. */
import { useTranslation } from "react-i18next";
import type { Language } from "../format/number";
import type { Words } from "./words";

export function useWords(): { readonly t: Words; readonly language: Language } {
  const { t, i18n } = useTranslation("page");
  return { t, language: i18n.language === "ru" ? "ru" : "en" };
}
