/**
 * A bot in five steps, each in the address. What was typed outlives going back and reloading; nothing runs before the
 * last step's own button.
 */
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { Refused } from "../../api/errors";
import { newIntentId } from "../../api/intent";
import type { Bot, SpecTemplate } from "../../api/types";
import { templatesQuery } from "../../backtests/queries";
import { useWords } from "../../i18n/useWords";
import { NotFound } from "../../shell/NotFound";
import { Failure } from "../../ui/Failure";
import { Waiting } from "../../ui/Waiting";
import { botQuery, specCheckQuery, specVersionQuery, strategyQuery } from "../queries";
import { useMayTrade } from "../useRun";
import { fresh, isDone, markOf, ofBot, reachable, settingsOf, STEPS, type Draft, type Step } from "./draft";
import { dropDraft, loadDraft, saveDraft } from "./keeping";
import { LimitsStep } from "./LimitsStep";
import { MarketStep } from "./MarketStep";
import { ParamsStep } from "./ParamsStep";
import { keyOf } from "./search";
import { StartStep } from "./StartStep";
import { StrategyStep } from "./StrategyStep";

export type Change = (change: Partial<Draft> | ((now: Draft) => Partial<Draft>)) => void;

export function WizardPage() {
  const { t } = useWords();
  const search = useSearch({ from: "/shell/bots/new" });
  const mayTrade = useMayTrade();
  const start = useBeginning();
  useEffect(() => {
    document.title = `${t("bots.wizard.title")} · ${t("common.product")}`;
  }, [t]);
  if (start.missing) return <NotFound />;
  return (
    <main className="settings" id="main" tabIndex={-1} aria-labelledby="wizard-title">
      {!mayTrade && <p className="hint">{t("bots.wizard.viewer")}</p>}
      {start.error !== null && <Failure what={t("bots.wizard.title")} error={start.error} onRetry={start.again} />}
      {start.error === null && start.begun === null && <Waiting rows={5} onRetry={start.again} />}
      {start.begun !== null && mayTrade && <Wizard key={keyOf(search)} templates={start.begun.templates} first={start.begun.draft} bot={start.begun.bot} />}
    </main>
  );
}

type Begun = { readonly templates: readonly SpecTemplate[]; readonly draft: Draft; readonly bot: Bot | null };

/** What the wizard begins with: a bot's settings, a kept strategy, a template. */
function useBeginning(): { begun: Begun | null; error: unknown; missing: boolean; again: () => void } {
  const search = useSearch({ from: "/shell/bots/new" });
  const templates = useQuery(templatesQuery);
  const bot = useQuery({ ...botQuery(search.bot ?? ""), enabled: search.bot !== undefined });
  const current = bot.data?.current ?? null;
  const strategy = useQuery({ ...strategyQuery(search.spec ?? ""), enabled: search.bot === undefined && search.spec !== undefined });
  const wanted = current !== null ? { id: current.spec.strategy_id, number: current.spec.number } : strategy.data !== undefined ? { id: strategy.data.id, number: search.v ?? strategy.data.newest.number } : null;
  const version = useQuery({ ...specVersionQuery(wanted?.id ?? "", wanted?.number ?? 1), enabled: wanted !== null });
  const asked = [templates, ...(search.bot === undefined ? [] : [bot]), ...(search.spec === undefined || search.bot !== undefined ? [] : [strategy]), ...(wanted === null ? [] : [version])];
  const failed = asked.find((each) => each.isError && each.data === undefined);
  const error = failed?.error ?? null;
  const missing = error instanceof Refused && (error.problem.status === 404 || error.problem.status === 422);
  const again = (): void => asked.forEach((each) => void each.refetch());
  const isWaiting = asked.some((each) => each.data === undefined);
  if (error !== null || isWaiting || templates.data === undefined) return { begun: null, error: missing ? null : error, missing, again };
  const text = version.data?.text ?? "";
  if (bot.data !== undefined && search.bot !== undefined) return { begun: { templates: templates.data, draft: ofBot(bot.data, text, newIntentId), bot: bot.data }, error: null, missing: false, again };
  return { begun: { templates: templates.data, draft: begin(templates.data, search.template, version.data ?? null), bot: null }, error: null, missing: false, again };
}

function begin(templates: readonly SpecTemplate[], named: string | undefined, version: { id: string; strategy_id: string; number: number; text: string; spec_name: string } | null): Draft {
  const blank = fresh(newIntentId);
  if (version !== null) {
    const kept = { text: version.text, versionId: version.id, strategyId: version.strategy_id, number: version.number };
    return { ...blank, source: "saved", text: version.text, kept, name: version.spec_name };
  }
  const template = templates.find((each) => each.template === named) ?? templates[0];
  return template === undefined ? { ...blank, source: "text" } : { ...blank, template: template.template, text: template.text, name: template.spec.name };
}

function Wizard({ templates, first, bot }: { templates: readonly SpecTemplate[]; first: Draft; bot: Bot | null }) {
  const { t } = useWords();
  const navigate = useNavigate();
  const search = useSearch({ from: "/shell/bots/new" });
  const key = keyOf(search);
  const [draft, setDraft] = useState<Draft>(() => loadDraft(key, first) ?? first);
  useEffect(() => saveDraft(key, draft), [key, draft]);
  const change: Change = (part) => setDraft((old) => ({ ...old, ...(typeof part === "function" ? part(old) : part) }));
  const checking = useQuery({ ...specCheckQuery(draft.text, []), enabled: draft.text.trim() !== "" });
  const checked = checking.data;
  const wanted = search.step ?? "strategy";
  // What a bot has is what it was read with, as long as nothing was typed.
  useEffect(() => {
    if (draft !== first || draft.bot === null || draft.bot.mark !== null) return;
    const settings = settingsOf(draft, checked, draft.kept?.versionId ?? "");
    if (settings !== null) setDraft({ ...draft, bot: { ...draft.bot, mark: markOf(draft, settings) } });
  }, [draft, first, checked]);
  // Until the text is checked again nobody is sent back for it.
  const step = checked === undefined && draft.text.trim() !== "" ? wanted : reachable(draft, wanted, checked);
  const at = STEPS.indexOf(step);
  const go = (to: Step | undefined): void => {
    if (to === undefined) return;
    void navigate({ to: "/bots/new", search: (old) => ({ ...old, step: to }) });
    document.getElementById("main")?.scrollTo({ top: 0 });
  };
  const anew = (): void => {
    dropDraft(key);
    setDraft(first);
    go("strategy");
  };
  return (
    <>
      <div className="settings-head">
        <h1 id="wizard-title">{bot === null ? t("bots.wizard.title") : t("bots.wizard.title_edit", { bot: bot.name })}</h1>
        <span className="spacer" />
        <button type="button" className="button small quiet" data-testid="wizard-anew" onClick={anew}>
          {t("bots.wizard.discard")}
        </button>
      </div>
      <nav aria-label={t("bots.wizard.steps")}>
        <ol className="wizard-steps">
          {STEPS.map((each, number) => (
            <li key={each}>
              <button
                type="button"
                className="button small"
                aria-current={each === step ? "step" : undefined}
                disabled={number > at && reachable(draft, each, checked) !== each}
                data-testid={`step-${each}`}
                onClick={() => go(each)}
              >
                {number + 1}. {t(`bots.wizard.step.${each}`)}
              </button>
            </li>
          ))}
        </ol>
      </nav>
      <section aria-labelledby="wizard-step-title" className="stack wide" data-testid="wizard-step" data-step={step}>
        <h2 id="wizard-step-title">{t("bots.wizard.step_of", { step: at + 1, name: t(`bots.wizard.step.${step}`) })}</h2>
        {step === "strategy" && <StrategyStep draft={draft} change={change} templates={templates} checked={checked} error={checking.error} />}
        {step === "market" && <MarketStep draft={draft} change={change} spec={checked?.spec ?? null} />}
        {step === "params" && <ParamsStep draft={draft} change={change} spec={checked?.spec ?? null} />}
        {step === "limits" && <LimitsStep draft={draft} change={change} spec={checked?.spec ?? null} />}
        {step === "start" && <StartStep draft={draft} change={change} checked={checked} bot={bot} onDone={() => dropDraft(key)} />}
        <div className="row">
          {at > 0 && (
            <button type="button" className="button" data-testid="wizard-back" onClick={() => go(STEPS[at - 1])}>
              {t("bots.wizard.back")}
            </button>
          )}
          {step !== "start" && (
            <button type="button" className="button primary" data-testid="wizard-next" disabled={!isDone(draft, step, checked)} onClick={() => go(STEPS[at + 1])}>
              {t("bots.wizard.next")}
            </button>
          )}
        </div>
      </section>
    </>
  );
}
