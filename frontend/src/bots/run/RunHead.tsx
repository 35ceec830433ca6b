/** The head of a run's page: its state with what that means, the time left, money, position, and the commands. */
import { Link } from "@tanstack/react-router";
import type { Run } from "../../api/types";
import { amount, signed, signOf } from "../../format/number";
import { exactTime, utcDateTime } from "../../format/time";
import { useWords } from "../../i18n/useWords";
import { accountName } from "../../i18n/words";
import { EnvironmentBadge } from "../../shell/Environment";
import { useLink } from "../../stream/hooks";
import { isOver } from "../../stream/runs";
import { RunChip } from "../RunChip";
import { TimeLeft } from "../TimeLeft";
import { useMayTrade, useMemberName } from "../useRun";
import { Commands } from "./Commands";
import { lossUsed } from "./figures";
import { pendingWish, positionWords } from "./standing";
import { reasonText } from "./words";

export function RunHead({ run, title }: { run: Run; title: string }) {
  const { t } = useWords();
  const mayTrade = useMayTrade();
  return (
    <>
      <div className="settings-head">
        <h1 id="run-title">{title}</h1>
        <EnvironmentBadge environment={run.environment} />
        <RunChip run={run} />
        <TimeLeft run={run} bar />
        <span className="spacer" />
        <Commands run={run} />
        {isOver(run) && mayTrade && (
          <Link to="/bots/new" search={{ bot: run.bot_id, step: "start" }} className="button small primary" data-testid="run-again">
            {t("runs.again")}
          </Link>
        )}
      </div>
      <Says run={run} />
      <Money run={run} />
    </>
  );
}

/** What its state means now, in a sentence each. */
function Says({ run }: { run: Run }) {
  const { t, language } = useWords();
  const nameOf = useMemberName();
  const link = useLink();
  const mayTrade = useMayTrade();
  const pending = pendingWish(t, run);
  const { state, reason } = run;
  return (
    <div className="run-says" role="status">
      {link.state !== "live" && link.state !== "connecting" && <p className="caution">{t("runs.not_live")}</p>}
      {reason !== null && (
        <p className={state === "failed" || state === "halted" ? "fault" : "hint"} data-testid="run-reason">
          {t(isOver(run) ? "runs.why_ended" : "runs.waits_for")}: {reasonText(reason, { t, language, nameOf })}
        </p>
      )}
      {state === "starting" && reason === null && <p className="hint">{t(run.epoch > 1 && run.began_ms !== null ? "runs.taken_over" : "runs.starting_step")}</p>}
      {state === "paused" && <p className="hint">{t("runs.paused_hint")}</p>}
      {pending !== null && (
        <p className="caution" data-testid="run-pending">
          {pending}
        </p>
      )}
      {run.untested && <p className="caution">{t("runs.untested")}</p>}
      {!mayTrade && <p className="hint">{t("runs.viewer")}</p>}
    </div>
  );
}

function Money({ run }: { run: Run }) {
  const { t, language } = useWords();
  const { totals } = run;
  const link = useLink();
  const old = link.state === "live" || isOver(run) ? "" : "old";
  const used = totals === null ? null : lossUsed(totals.net, run.max_loss);
  const tone = { 1: "up", 0: "", "-1": "down" }[signOf(totals?.net)];
  const facts: readonly (readonly [key: string, name: string, value: string, tone?: string])[] = [
    ["net", t("runs.net"), signed(amount(totals?.net, language)), tone],
    ["fees", t("runs.fees"), amount(totals?.fees, language)],
    ["trades", t("runs.trades"), String(totals?.trades ?? 0)],
    ["position", t("runs.position"), positionWords(t, run, language) ?? t("runs.flat")],
    ["loss", t("runs.loss_used"), t("runs.loss_of", { percent: used ?? 0, limit: amount(run.max_loss, language) })],
    ["capital", t("runs.capital"), amount(run.capital, language)],
  ];
  const moment = run.began_ms ?? run.created_ms;
  return (
    <section className="box" aria-label={t("runs.facts")}>
      <dl className={`run-money ${old}`}>
        {facts.map(([key, name, value, colour]) => (
          <div key={key}>
            <dt>{name}</dt>
            <dd className={colour} data-testid={`run-${key}`}>
              {value}
            </dd>
          </div>
        ))}
      </dl>
      <p className="muted">
        {run.symbol} · {run.timeframe} · {t("runs.spec_of", { name: run.spec.name, number: run.spec.number })} · {accountName(t, { name: run.account_name, environment: run.environment })} ·{" "}
        {t(run.began_ms === null ? "runs.created" : "runs.began")} <time dateTime={exactTime(moment)}>{utcDateTime(moment)} UTC</time>
        {run.ended_ms !== null && (
          <>
            {" · "}
            {t("runs.ended")} <time dateTime={exactTime(run.ended_ms)}>{utcDateTime(run.ended_ms)} UTC</time>
          </>
        )}
      </p>
      {!isOver(run) && <p className="hint">{t(`runs.at_end.${run.at_end}`)}</p>}
    </section>
  );
}
