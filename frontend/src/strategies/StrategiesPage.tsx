/** Strategies that are kept, newest first, and a form to keep one more. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import type { KeptStrategy } from "../api/types";
import { strategiesQuery } from "../bots/queries";
import { useMayTrade } from "../bots/useRun";
import { exactTime, utcDateTime } from "../format/time";
import { useWords } from "../i18n/useWords";
import { Failure } from "../ui/Failure";
import { Waiting } from "../ui/Waiting";
import { NewStrategy } from "./NewStrategy";

export function StrategiesPage() {
  const { t } = useWords();
  const mayTrade = useMayTrade();
  const [archived, setArchived] = useState(false);
  const found = useInfiniteQuery(strategiesQuery(archived));
  const kept = found.data?.pages.flatMap((page) => page.strategies) ?? [];
  const again = (): void => void found.refetch();
  useEffect(() => {
    document.title = `${t("strategies.title")} · ${t("common.product")}`;
  }, [t]);
  return (
    <main className="settings" id="main" tabIndex={-1} aria-labelledby="strategies-title">
      <h1 id="strategies-title">{t("strategies.title")}</h1>
      <p className="hint">{t(mayTrade ? "strategies.intro" : "strategies.viewer")}</p>
      <section aria-labelledby="strategies-list-title">
        <div className="settings-head">
          <h2 id="strategies-list-title">{t("strategies.list")}</h2>
          <span className="spacer" />
          <label className="tick">
            <input type="checkbox" checked={archived} data-testid="strategies-archived" onChange={(event) => setArchived(event.target.checked)} />
            {t("strategies.archived")}
          </label>
        </div>
        {found.isError && found.data === undefined && <Failure what={t("strategies.list")} error={found.error} onRetry={again} />}
        {found.data === undefined && !found.isError && <Waiting rows={3} onRetry={again} />}
        {found.data !== undefined && kept.length === 0 && (
          <p className="muted" data-testid="strategies-empty">
            {t("strategies.empty")}
          </p>
        )}
        {kept.map((each) => (
          <Card key={each.id} strategy={each} />
        ))}
        {found.hasNextPage && (
          <button type="button" className="button small table-more" disabled={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
            {t("common.load_more")}
          </button>
        )}
      </section>
      {mayTrade && <NewStrategy />}
    </main>
  );
}

function Card({ strategy }: { strategy: KeptStrategy }) {
  const { t } = useWords();
  const { newest } = strategy;
  return (
    <article className="box connection" data-testid="strategy-card">
      <header className="connection-head">
        <Link to="/strategies/$spec" params={{ spec: strategy.id }} data-testid="strategy-open">
          <strong>{strategy.name}</strong>
        </Link>
      </header>
      <p className="muted">
        {newest.spec_name} · <time dateTime={exactTime(newest.created_ms)}>{t("strategies.newest", { number: newest.number, time: utcDateTime(newest.created_ms) })}</time> ·{" "}
        {t(`strategies.by.${newest.author}`)}
      </p>
    </article>
  );
}
