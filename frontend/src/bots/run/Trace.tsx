/** Chains from a wish to what came of it, each foldable, with the time of each hop; what lacks its cause is marked. */
import { useMemo } from "react";
import { age, exactTime, tableTime } from "../../format/time";
import { useWords } from "../../i18n/useWords";
import { useNow } from "../../stream/hooks";
import { Failure } from "../../ui/Failure";
import { Waiting } from "../../ui/Waiting";
import { useMemberName } from "../useRun";
import { chainsOf, lastOf, TRACED, type Chain, type Node } from "./trace";
import { useTape } from "./useTape";
import { payloadOf } from "./payload";
import { eventText, riskMeasures } from "./words";

const MINUTE_MS = 60_000;
const FILTER = { kinds: TRACED, search: "" };

export function Trace({ runId }: { runId: string }) {
  const { t } = useWords();
  const [view, tape] = useTape(runId, FILTER);
  const chains = useMemo(() => chainsOf(view.events, view.older === null), [view.events, view.older]);
  if (view.phase === "failed") return <Failure what={t("runs.tab.trace")} error={view.error} onRetry={() => tape.retry()} />;
  if (view.phase === "loading") return <Waiting rows={5} onRetry={() => tape.retry()} />;
  if (chains.length === 0) return <p className="empty">{t("runs.trace.empty")}</p>;
  return (
    <section aria-label={t("runs.trace.label")} className="chains">
      {chains.map((chain) => (
        <ChainBox key={chain.node.event.seq} chain={chain} />
      ))}
      {view.older !== null && (
        <button type="button" className="button small" disabled={view.loadingOlder} onClick={() => void tape.loadOlder()}>
          {t("runs.trace.older")}
        </button>
      )}
    </section>
  );
}

function ChainBox({ chain }: { chain: Chain }) {
  const { t, language } = useWords();
  const nameOf = useMemberName();
  const now = useNow(MINUTE_MS);
  const { event } = chain.node;
  const last = lastOf(chain.node);
  const reader = { t, language, nameOf };
  return (
    <details className="box chain" open={chain.isOrphan} data-testid="chain">
      <summary>
        <time dateTime={exactTime(event.at_ms)}>{tableTime(event.at_ms, now)}</time> <span className="event-kind">{t(`runs.kind.${event.kind}`)}</span> {eventText(event, reader)}
        {last.seq !== event.seq && (
          <span className="muted">
            {" → "}
            {t(`runs.kind.${last.kind}`)}: {eventText(last, reader)}
          </span>
        )}
        {chain.isOrphan && <span className="caution"> {t("runs.trace.orphan")}</span>}
      </summary>
      <ul>
        {chain.node.children.map((child) => (
          <Branch key={child.event.seq} node={child} />
        ))}
      </ul>
    </details>
  );
}

function Branch({ node }: { node: Node }) {
  const { t, language } = useWords();
  const nameOf = useMemberName();
  const { event, latencyMs } = node;
  return (
    <li className={`branch ${event.level}`} data-kind={event.kind} data-testid="branch">
      <span className="event-kind">{t(`runs.kind.${event.kind}`)}</span> {eventText(event, { t, language, nameOf })}
      {event.kind === "risk" && <span className="muted"> · {riskMeasures(payloadOf(event), { t, language, nameOf }).join(" · ")}</span>}
      {latencyMs !== null && <span className="muted"> · {t("runs.trace.took", { time: latencyMs < 10_000 ? `${latencyMs} ms` : age(latencyMs, language) })}</span>}
      {node.children.length > 0 && (
        <ul>
          {node.children.map((child) => (
            <Branch key={child.event.seq} node={child} />
          ))}
        </ul>
      )}
    </li>
  );
}
