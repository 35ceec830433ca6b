/** One kept strategy: a version as text and in plain words, what changed between two, and a new version of it. */
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useEffect, useId, useState } from "react";
import { Refused } from "../api/errors";
import { newIntentId } from "../api/intent";
import { archiveStrategy, postSpecVersion, renameStrategy, restoreStrategy } from "../api/strategies";
import type { KeptStrategyVersions, SpecVersion } from "../api/types";
import { queries } from "../app/services";
import { specCheckQuery, specVersionQuery, strategyQuery } from "../bots/queries";
import { useMayTrade, useMemberName } from "../bots/useRun";
import { isName } from "../bots/wizard/draft";
import { utcDateTime } from "../format/time";
import { useWords } from "../i18n/useWords";
import { failureText } from "../i18n/words";
import { NotFound } from "../shell/NotFound";
import { Failure } from "../ui/Failure";
import { NameDialog } from "../ui/NameDialog";
import { Waiting } from "../ui/Waiting";
import { Comparison } from "./Comparison";
import { SpecEditor } from "./SpecEditor";
import { Summary } from "./Summary";

export function StrategyPage() {
  const { t } = useWords();
  const { spec: id } = useParams({ from: "/shell/strategies/$spec" });
  const found = useQuery(strategyQuery(id));
  const strategy = found.data;
  const title = strategy?.name ?? t("strategies.one");
  useEffect(() => {
    document.title = `${title} · ${t("common.product")}`;
  }, [title, t]);
  if (found.error instanceof Refused && strategy === undefined) return <NotFound />;
  return (
    <main className="settings" id="main" tabIndex={-1} aria-labelledby="strategy-title">
      <div className="settings-head">
        <h1 id="strategy-title">{title}</h1>
        <span className="spacer" />
        <Link to="/strategies" className="button small">
          {t("strategies.back")}
        </Link>
        {strategy !== undefined && <Actions strategy={strategy} />}
      </div>
      {found.isError && strategy === undefined && <Failure what={title} error={found.error} onRetry={() => void found.refetch()} />}
      {strategy === undefined && !found.isError && <Waiting rows={5} onRetry={() => void found.refetch()} />}
      {strategy !== undefined && <Body key={strategy.id} strategy={strategy} />}
    </main>
  );
}

function took(strategy: KeptStrategyVersions): void {
  queries.setQueryData(strategyQuery(strategy.id).queryKey, strategy);
  void queries.invalidateQueries({ queryKey: ["strategies", "list"] });
}

function Actions({ strategy }: { strategy: KeptStrategyVersions }) {
  const { t, language } = useWords();
  const mayTrade = useMayTrade();
  const [renaming, setRenaming] = useState(false);
  const isArchived = strategy.archived_ms !== null;
  const filing = useMutation({ mutationFn: () => (isArchived ? restoreStrategy(strategy.id) : archiveStrategy(strategy.id)), onSuccess: took });
  if (!mayTrade) return null;
  return (
    <>
      <button type="button" className="button small" data-testid="strategy-rename" onClick={() => setRenaming(true)}>
        {t("strategies.rename")}
      </button>
      <button type="button" className="button small" data-testid="strategy-archive" disabled={filing.isPending} onClick={() => filing.mutate()}>
        {t(isArchived ? "strategies.restore" : "strategies.archive")}
      </button>
      {filing.isError && (
        <span className="fault" role="alert">
          {failureText(t, filing.error, language).text}
        </span>
      )}
      {renaming && (
        <NameDialog
          title={t("strategies.rename_title", { name: strategy.name })}
          label={t("strategies.name")}
          wrong={t("strategies.name_wrong")}
          first={strategy.name}
          testId="rename-dialog"
          isName={isName}
          onName={async (name) => took(await renameStrategy(strategy.id, name))}
          onClose={() => setRenaming(false)}
        />
      )}
    </>
  );
}

function Body({ strategy }: { strategy: KeptStrategyVersions }) {
  const { t } = useWords();
  const search = useSearch({ from: "/shell/strategies/$spec" });
  const shown = strategy.versions.find((each) => each.number === search.v) ?? strategy.versions[0];
  const found = useQuery({ ...specVersionQuery(strategy.id, shown?.number ?? 1), enabled: shown !== undefined });
  const [editing, setEditing] = useState(false);
  const mayTrade = useMayTrade();
  if (shown === undefined) return null;
  const text = found.data?.text;
  return (
    <>
      <section aria-labelledby="text-title">
        <div className="settings-head">
          <h2 id="text-title">{t("strategies.shown", { number: shown.number })}</h2>
          <span className="spacer" />
          {mayTrade && strategy.archived_ms === null && (
            <>
              <Link to="/bots/new" search={{ spec: strategy.id, v: shown.number }} className="button small" data-testid="strategy-use">
                {t("strategies.use")}
              </Link>
              <button type="button" className="button small" data-testid="strategy-edit" disabled={text === undefined} onClick={() => setEditing(!editing)}>
                {t(editing ? "strategies.leave" : "strategies.edit")}
              </button>
            </>
          )}
        </div>
        {found.isError && <Failure what={t("strategies.text")} error={found.error} onRetry={() => void found.refetch()} />}
        {text === undefined && !found.isError && <Waiting rows={6} onRetry={() => void found.refetch()} />}
        {text !== undefined && editing && <Editing key={shown.number} strategy={strategy} parent={shown} text={text} onDone={() => setEditing(false)} />}
        {text !== undefined && !editing && (
          <>
            {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls, and a keyboard must reach it for that */}
            <pre className="box spec-text" data-testid="spec-text" tabIndex={0} aria-label={t("strategies.shown", { number: shown.number })}>
              {text}
            </pre>
            <Summary text={text} />
          </>
        )}
      </section>
      {text !== undefined && strategy.versions.length > 1 && <Comparison strategy={strategy} shown={shown} text={text} />}
      <Versions strategy={strategy} shown={shown} />
    </>
  );
}

function Editing({ strategy, parent, text, onDone }: { strategy: KeptStrategyVersions; parent: SpecVersion; text: string; onDone: () => void }) {
  const { t, language } = useWords();
  const navigate = useNavigate();
  const label = useId();
  const [id, setId] = useState(newIntentId);
  const [typed, setTyped] = useState(text);
  const [message, setMessage] = useState("");
  const checked = useQuery({ ...specCheckQuery(typed, []), enabled: typed.trim() !== "" }).data;
  const saving = useMutation({
    mutationFn: () => postSpecVersion(strategy.id, { id, text: typed, message, parent: parent.number }),
    onSuccess: async (made) => {
      queries.setQueryData(specVersionQuery(strategy.id, made.number).queryKey, made);
      await queries.invalidateQueries({ queryKey: strategyQuery(strategy.id).queryKey, exact: true });
      void queries.invalidateQueries({ queryKey: ["strategies", "list"] });
      onDone();
      await navigate({ to: "/strategies/$spec", params: { spec: strategy.id }, search: { v: made.number, compare: made.number === parent.number ? undefined : parent.number } });
    },
    onError: (error) => error instanceof Refused && setId(newIntentId()),
  });
  const closed = checked?.ok !== true || typed === text || saving.isPending;
  return (
    <form
      className="stack"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (!closed) saving.mutate();
      }}
    >
      <SpecEditor label={t("strategies.editing", { number: parent.number })} text={typed} testId="strategy-text" onChange={setTyped} />
      <div className="field">
        <label htmlFor={label}>{t("strategies.message")}</label>
        <input id={label} className="input" autoComplete="off" maxLength={200} value={message} data-testid="strategy-message" onChange={(event) => setMessage(event.target.value)} />
      </div>
      {saving.isError && (
        <p className="fault" role="alert">
          {failureText(t, saving.error, language).text}
        </p>
      )}
      <div className="row">
        <button type="submit" className="button primary" data-testid="strategy-save-version" disabled={closed}>
          {saving.isPending ? t("strategies.saving") : t("strategies.save_version")}
        </button>
      </div>
    </form>
  );
}

function Versions({ strategy, shown }: { strategy: KeptStrategyVersions; shown: SpecVersion }) {
  const { t } = useWords();
  const nameOf = useMemberName();
  return (
    <section aria-labelledby="versions-title">
      <h2 id="versions-title">{t("strategies.versions")}</h2>
      <ul className="plain-list">
        {strategy.versions.map((each) => (
          <li key={each.number} data-testid="strategy-version" data-number={each.number}>
            <Link to="/strategies/$spec" params={{ spec: strategy.id }} search={{ v: each.number }} aria-current={each.number === shown.number ? "true" : undefined}>
              {t("strategies.version_line", { number: each.number, time: utcDateTime(each.created_ms), name: nameOf(each.created_by) ?? "" })}
            </Link>{" "}
            <span className="muted">
              {t(`strategies.by.${each.author}`)}
              {each.parent !== null && ` · ${t("strategies.from_version", { number: each.parent })}`}
              {each.message !== "" && ` · ${each.message}`}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
