/** The page of API tokens. */
import { useEffect } from "react";
import { useWords } from "../i18n/useWords";
import { TokensSection } from "./TokensSection";

export function TokensPage() {
  const { t } = useWords();
  useEffect(() => {
    document.title = `${t("tokens.title")} · ${t("common.product")}`;
  }, [t]);
  return (
    <main className="settings" id="main" tabIndex={-1} aria-labelledby="tokens-title">
      <TokensSection />
    </main>
  );
}
