/** Which instrument, which money, and by what rules: position mode, margin mode, leverage with its own action. */
import Big from "big.js";
import type { Account, Instrument } from "../api/types";
import { grouping, plain } from "../format/number";
import { useWords } from "../i18n/useWords";
import { kindOf } from "../terminal/kind";
import { ENVIRONMENT_WORD } from "../shell/Environment";
import { Popover } from "../ui/Popover";
import type { Facts } from "./asked";
import { LeverageDialog } from "./LeverageDialog";

type Props = {
  readonly account: Account;
  readonly instrument: Instrument;
  readonly facts: Facts;
  readonly block: string | null;
  readonly asking: boolean;
  readonly onAsk: (asks: boolean) => void;
};

export function TicketHead({ account, instrument, facts, block, asking, onAsk }: Props) {
  const { t, language } = useWords();
  const isLinear = instrument.category === "linear";
  const positionWord = t(facts.positionMode === "hedge" ? "ticket.hedge" : "ticket.one_way");
  const leverage = facts.leverage === null ? "—" : `${grouping(plain(new Big(facts.leverage)), language)}×`;
  return (
    <div className="ticket-head">
      <strong>
        {instrument.symbol} <span className="muted">{t(`markets.kind_${kindOf(instrument)}`)}</span>
      </strong>
      <span className={`env-word ${account.environment}`}>{ENVIRONMENT_WORD[account.environment]}</span>
      {isLinear && (
        <span className="ticket-modes">
          <Popover
            side="left"
            label={t("ticket.modes_now", { position: positionWord, margin: marginWord() })}
            triggerClass="button small quiet"
            testId="ticket-modes"
            trigger={
              <span data-testid="ticket-mode-words">
                {positionWord} · {marginWord()}
              </span>
            }
          >
            {() => (
              <>
                <h2>{t("ticket.modes")}</h2>
                <dl className="facts">
                  <dt>{t("ticket.position_mode")}</dt>
                  <dd>{positionWord}</dd>
                  <dt>{t("ticket.margin_mode")}</dt>
                  <dd>{marginWord()}</dd>
                </dl>
                <p className="hint">{t("ticket.modes_fixed")}</p>
              </>
            )}
          </Popover>
          <button
            type="button"
            className="button small"
            data-testid="ticket-leverage"
            aria-label={`${t("ticket.leverage")} ${leverage}. ${t("ticket.change_leverage")}`}
            title={t("ticket.change_leverage")}
            onClick={() => onAsk(true)}
          >
            {t("ticket.leverage")} {leverage}
          </button>
        </span>
      )}
      {asking && isLinear && (
        <LeverageDialog account={account} instrument={instrument} position={facts.position} current={facts.leverage} block={block} onClose={() => onAsk(false)} />
      )}
    </div>
  );

  function marginWord(): string {
    switch (facts.marginMode) {
      case "REGULAR_MARGIN":
        return t("ticket.margin_cross");
      case "ISOLATED_MARGIN":
        return t("ticket.margin_isolated");
      case "PORTFOLIO_MARGIN":
        return t("ticket.margin_portfolio");
      case null:
        return "—";
      default:
        return facts.marginMode;
    }
  }
}
