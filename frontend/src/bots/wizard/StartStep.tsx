/**
 * Step 5: a name, what it will do in a sentence and in plain words, saving, what speaks for and against a start now, and
 * the start itself. With real money its name is typed, and where no trial ran to its end a second phrase, too.
 */
import { useMutation, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useId, useState } from "react";
import { startRun } from "../../api/bots";
import { Refused } from "../../api/errors";
import { newIntentId } from "../../api/intent";
import type { Bot, SpecChecked, StartChecks } from "../../api/types";
import { accountsQuery } from "../../app/session";
import { useStepUp } from "../../auth/stepUp";
import { grouping, UNKNOWN } from "../../format/number";
import { useWords } from "../../i18n/useWords";
import { accountName, failureText, problemText } from "../../i18n/words";
import { EnvironmentBadge } from "../../shell/Environment";
import { Summary } from "../../strategies/Summary";
import { useNow } from "../../stream/hooks";
import { Failure } from "../../ui/Failure";
import { Icon, type IconName } from "../../ui/Icon";
import { Segments } from "../../ui/Segments";
import { Waiting } from "../../ui/Waiting";
import { botQuery, startChecksQuery, tookRun } from "../queries";
import { isName, markOf, MINUTE_MS, minutesIn, paramsOf, positive, settingsOf, type Draft } from "./draft";
import { useQuoteCoin } from "./LimitsStep";
import { useSaving } from "./useSaving";
import type { Change } from "./WizardPage";

type Props = { readonly draft: Draft; readonly change: Change; readonly checked: SpecChecked | undefined; readonly bot: Bot | null; readonly onDone: () => void };

export function StartStep({ draft, change, checked, bot, onDone }: Props) {
  const { t } = useWords();
  const field = useId();
  const settings = settingsOf(draft, checked, draft.kept?.versionId ?? "");
  const saving = useSaving(draft, change, checked);
  const saved = useQuery({ ...botQuery(draft.bot?.id ?? ""), enabled: draft.bot !== null });
  const isSaved = draft.bot !== null && settings !== null && draft.bot.mark === markOf(draft, settings);
  return (
    <>
      <div className="field">
        <label htmlFor={field}>{t("bots.wizard.name")}</label>
        <input
          id={field}
          className="input"
          autoComplete="off"
          maxLength={80}
          value={draft.name}
          aria-invalid={!isName(draft.name)}
          data-testid="wizard-name"
          onChange={(event) => change({ name: event.target.value })}
        />
        {!isName(draft.name) && <span className="fault">{t("bots.name_wrong")}</span>}
      </div>
      <ReadBack draft={draft} spec={checked?.spec ?? null} />
      {isSaved && saved.data?.current != null ? (
        <>
          <p className="hint" data-testid="wizard-saved-as">
            {t("bots.wizard.saved_as", { number: saved.data.current.number })}
          </p>
          <Start key={saved.data.current.number} draft={draft} change={change} bot={saved.data} number={saved.data.current.number} onDone={onDone} />
        </>
      ) : (
        <>
          <p className="hint">{t(draft.bot === null ? "bots.wizard.save_text" : "bots.wizard.changed_since")}</p>
          <SaveFault error={saving.error} />
          <div className="row">
            <button type="button" className="button primary" data-testid="wizard-save" disabled={settings === null || !isName(draft.name) || saving.isPending} onClick={() => saving.mutate()}>
              {saving.isPending ? t("bots.wizard.saving") : t("bots.wizard.save_and_check")}
            </button>
          </div>
        </>
      )}
      {bot !== null && <p className="hint">{t("bots.running_keeps")}</p>}
    </>
  );
}

/** Everything that the server found, not the first alone. */
function SaveFault({ error }: { error: unknown }) {
  const { t, language } = useWords();
  if (error === null) return null;
  const problems = error instanceof Refused ? error.problem.problems : [];
  return (
    <div className="fault" role="alert" data-testid="wizard-fault">
      {problems.length > 0 ? problems.map((each) => <p key={`${each.code}-${each.field}`}>{problemText(t, each.code, each.params, language)}</p>) : failureText(t, error, language).text}
    </div>
  );
}

function ReadBack({ draft, spec }: { draft: Draft; spec: SpecChecked["spec"] }) {
  const { t, language } = useWords();
  const coin = useQuoteCoin(draft, spec);
  const account = useQuery(accountsQuery).data?.find((each) => each.id === draft.accountId);
  if (spec === null) return <Waiting rows={2} />;
  const number = (typed: string): string => {
    const value = positive(typed);
    return value === null ? UNKNOWN : grouping(value, language);
  };
  return (
    <>
      <p className="read-back" data-testid="read-back">
        {account !== undefined && <EnvironmentBadge environment={account.environment} />}{" "}
        {t("bots.wizard.readback", {
          bot: draft.name === "" ? UNKNOWN : draft.name,
          symbol: draft.symbol ?? spec.symbol,
          account: account === undefined ? UNKNOWN : accountName(t, account),
          duration: t("bots.minutes", { count: minutesIn(draft.minutes) ?? 0 }),
          capital: number(draft.capital),
          max_loss: number(draft.maxLoss),
          coin,
        })}{" "}
        {t(`runs.at_end.${draft.atEnd}`)}
      </p>
      <details>
        <summary>{t("strategies.summary")}</summary>
        <Summary text={draft.text} params={paramsOf(draft, spec.params)} />
      </details>
    </>
  );
}

const DRAWING: Readonly<Record<"pass" | "warn" | "block", IconName>> = { pass: "check", warn: "warning", block: "barred" };
const TONE = { pass: "hint", warn: "caution", block: "fault" } as const;

function Start({ draft, change, bot, number, onDone }: { draft: Draft; change: Change; bot: Bot; number: number; onDone: () => void }) {
  const { t } = useWords();
  const found = useQuery(startChecksQuery(bot.id, number));
  const again = (): void => void found.refetch();
  if (found.isError && found.data === undefined) return <Failure what={t("bots.wizard.checks")} error={found.error} onRetry={again} />;
  if (found.data === undefined) return <Waiting rows={5} onRetry={again} />;
  return (
    <>
      <section className="box" aria-labelledby="checks-title">
        <h3 id="checks-title">{t("bots.wizard.checks")}</h3>
        <Checks checks={found.data} />
      </section>
      <Go draft={draft} change={change} bot={bot} checks={found.data} onDone={onDone} />
    </>
  );
}

function Checks({ checks }: { checks: StartChecks }) {
  const { t, language } = useWords();
  return (
    <ul className="plain-list">
      {checks.checks.map((each) => (
        <li key={each.name} className={TONE[each.verdict]} data-testid="start-check" data-check={each.name} data-verdict={each.verdict}>
          <Icon name={DRAWING[each.verdict]} /> {t(`bots.wizard.check.${each.name}`)}: {each.code === null ? t(`bots.wizard.verdict.${each.verdict}`) : problemText(t, each.code, each.params, language)}
        </li>
      ))}
    </ul>
  );
}

const SOON_MS = 30 * 86_400_000;

function Go({ draft, change, bot, checks, onDone }: { draft: Draft; change: Change; bot: Bot; checks: StartChecks; onDone: () => void }) {
  const { t, language } = useWords();
  const navigate = useNavigate();
  const withProof = useStepUp();
  const id = useId();
  const [later, setLater] = useState(false);
  const [at, setAt] = useState("");
  const [name, setName] = useState("");
  const [untested, setUntested] = useState("");
  const coin = useQuoteCoin(draft, null);
  const clock = useNow(MINUTE_MS);
  const startAt = later ? Date.parse(at) : null;
  const isTime = startAt === null || (!Number.isNaN(startAt) && startAt > clock - MINUTE_MS && startAt < clock + SOON_MS);
  const needsName = checks.confirmation !== null;
  const isNamed = !needsName || folded(name) === folded(checks.confirmation ?? "");
  const isOverridden = checks.untested.some((phrase) => folded(phrase) === folded(untested));
  const needsOverride = checks.untested.length > 0;
  const blocks = checks.checks.filter((each) => each.verdict === "block" && !(each.name === "evidence" && isOverridden));
  const starting = useMutation({
    mutationFn: () =>
      withProof(() =>
        startRun(bot.id, {
          id: draft.ids.run,
          bot_version: checks.bot_version,
          start_at_ms: startAt,
          confirmation: needsName ? name : null,
          untested: needsOverride ? untested : null,
        }),
      ),
    onSuccess: async (run) => {
      tookRun(run);
      onDone();
      await navigate({ to: "/bots/$bot/runs/$run", params: { bot: run.bot_id, run: run.id } });
    },
    // Another try is another run, unless nobody answered: then it may be there, and the same id finds it.
    onError: (error) => error instanceof Refused && change((now) => ({ ids: { ...now.ids, run: newIntentId() } })),
  });
  const mayStart = blocks.length === 0 && isTime && isNamed && (!needsOverride || isOverridden) && !starting.isPending;
  return (
    <form
      className="stack"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (mayStart) starting.mutate();
      }}
    >
      <div className="field">
        <span className="label">{t("bots.wizard.when")}</span>
        <Segments
          label={t("bots.wizard.when")}
          value={later ? "later" : "now"}
          options={[
            { value: "now", label: t("bots.wizard.now"), testId: "start-now" },
            { value: "later", label: t("bots.wizard.later"), testId: "start-later" },
          ]}
          onChange={(value) => setLater(value === "later")}
        />
        {later && (
          <>
            <label htmlFor={`${id}-at`}>{t("bots.wizard.start_at")}</label>
            <input id={`${id}-at`} type="datetime-local" className="input" value={at} aria-invalid={!isTime} data-testid="start-at" onChange={(event) => setAt(event.target.value)} />
            {!isTime && <span className="fault">{t("bots.wizard.start_at_wrong")}</span>}
          </>
        )}
      </div>
      {needsName && (
        <>
          <p className="caution">{t("bots.wizard.live", { max_loss: grouping(positive(draft.maxLoss) ?? "0", language), coin, duration: t("bots.minutes", { count: minutesIn(draft.minutes) ?? 0 }) })}</p>
          <div className="field">
            <label htmlFor={`${id}-name`}>{t("bots.wizard.type_name", { bot: checks.confirmation ?? "" })}</label>
            <input id={`${id}-name`} className="input" autoComplete="off" spellCheck={false} value={name} data-testid="start-name" onChange={(event) => setName(event.target.value)} />
          </div>
        </>
      )}
      {needsOverride && (
        <div className="field">
          <label htmlFor={`${id}-untested`}>{t("bots.wizard.type_untested", { phrase: checks.untested.join(" / ") })}</label>
          <input id={`${id}-untested`} className="input" autoComplete="off" spellCheck={false} value={untested} data-testid="start-untested" onChange={(event) => setUntested(event.target.value)} />
        </div>
      )}
      {blocks.length > 0 && (
        <p className="fault" data-testid="start-blocked">
          {t("bots.wizard.blocked")}
        </p>
      )}
      <SaveFault error={starting.error} />
      <div className="row">
        <button type="submit" className={`button ${needsName ? "danger" : "primary"}`} data-testid="wizard-start" disabled={!mayStart}>
          {starting.isPending ? t("bots.wizard.starting") : t(later ? "bots.wizard.schedule" : "bots.wizard.start")}
        </button>
      </div>
    </form>
  );
}

const folded = (typed: string): string => typed.trim().split(/\s+/).join(" ").toLowerCase();
