/** How far a backtest is, in a word and a drawing; and why it failed. */
import type { Backtest } from "../api/types";
import { useWords } from "../i18n/useWords";
import { Icon, type IconName } from "../ui/Icon";

const DRAWING: Readonly<Record<Backtest["state"], IconName>> = {
  queued: "spinner",
  running: "spinner",
  finished: "check",
  failed: "cross",
  cancelled: "barred",
};
const TONE: Readonly<Record<Backtest["state"], string>> = {
  queued: "checking",
  running: "checking",
  finished: "ok",
  failed: "refused",
  cancelled: "checking",
};

export function State({ backtest }: { backtest: Backtest }) {
  const { t } = useWords();
  const percent = backtest.bars_total ? Math.floor((100 * backtest.bars_done) / backtest.bars_total) : 0;
  return (
    <span className={`connection-state ${TONE[backtest.state]}`} role="status" data-testid="backtest-state" data-state={backtest.state}>
      <Icon name={DRAWING[backtest.state]} className={backtest.state === "running" ? "spinning" : ""} />
      {t(`backtests.state.${backtest.state}`)}
      {backtest.state === "running" && percent > 0 && ` ${percent} %`}
    </span>
  );
}
