/** One order's story: who wanted what, when and why, by which version of a strategy, and how it went out. */
import { useQuery } from "@tanstack/react-query";
import { readOrderStory } from "../api/audit";
import { exactTime, utcDateTime } from "../format/time";
import { useWords } from "../i18n/useWords";
import { auditWhy } from "../i18n/words";
import { Failure } from "../ui/Failure";
import { Waiting } from "../ui/Waiting";
import { changesOf } from "./changes";

export function Story({ accountId, orderId }: { accountId: string; orderId: string }) {
  const { t } = useWords();
  const found = useQuery({ queryKey: ["story", accountId, orderId], queryFn: () => readOrderStory(accountId, orderId) });
  if (found.isError) return <Failure what={t("audit.story")} error={found.error} onRetry={() => void found.refetch()} />;
  if (found.data === undefined) return <Waiting rows={2} onRetry={() => void found.refetch()} />;
  const story = found.data;
  const asked = changesOf(null, story.what)
    .filter(({ name }) => name !== "id" && name !== "kind")
    .map(({ name, after }) => `${name}: ${after ?? ""}`)
    .join(", ");
  return (
    <dl className="facts" data-testid="story">
      <dt>{t("audit.who")}</dt>
      <dd>{story.who.kind === "user" ? (story.who.name ?? story.who.id) : auditWhy(t, story.why.source)}</dd>
      <dt>{t("audit.what")}</dt>
      <dd className="code">{asked}</dd>
      <dt>{t("audit.when")}</dt>
      <dd>
        <time dateTime={exactTime(story.asked_ms)}>{utcDateTime(story.asked_ms)} UTC</time>
      </dd>
      <dt>{t("audit.why")}</dt>
      <dd>
        {auditWhy(t, story.why.source)}
        {story.why.note !== null && ` · ${story.why.note}`}
      </dd>
      {story.spec_version !== null && (
        <>
          <dt>{t("audit.spec_version")}</dt>
          <dd className="code">{story.spec_version}</dd>
        </>
      )}
      {story.model_answer !== null && (
        <>
          <dt>{t("audit.model_answer")}</dt>
          <dd className="code">{story.model_answer}</dd>
        </>
      )}
      <dt>{t("audit.requests")}</dt>
      <dd>
        {story.requests.length === 0 && "—"}
        {story.requests.map((each) => (
          <div key={each.req_id} className="code">
            {each.kind} {each.attempt} · {exactTime(each.created_ms)} · {each.outcome ?? "…"}
            {each.exchange_code !== null && ` · ${each.exchange_code} ${each.exchange_text ?? ""}`}
          </div>
        ))}
      </dd>
      <dt>{t("audit.fills")}</dt>
      <dd>{story.fills}</dd>
    </dl>
  );
}
