/** Never a blank page: an unknown address, or a page that failed, says so and leads home. */
import { Link } from "@tanstack/react-router";
import { useWords } from "../i18n/useWords";
import { Failure } from "../ui/Failure";

export function NotFound() {
  const { t } = useWords();
  return (
    <main className="lone">
      <div className="box">
        <h1>{t("common.not_found_title")}</h1>
        <p className="muted">{t("common.not_found_text")}</p>
        <Link to="/" className="button">
          {t("common.to_terminal")}
        </Link>
      </div>
    </main>
  );
}

export function PageFailure({ error }: { error: unknown }) {
  const { t } = useWords();
  return (
    <main className="lone">
      <Failure what={t("common.page_failed")} error={error} onRetry={() => location.reload()} />
    </main>
  );
}
