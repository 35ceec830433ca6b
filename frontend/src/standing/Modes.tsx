/**
 * Margin mode of the account and position mode of one contract: asked as intents, done once the exchange was read back.
 *
 * Both change what the next order risks, so with real money each takes a typed word.
 */
import { useState, type FormEvent, type ReactNode } from "react";
import type { Account } from "../api/types";
import { useWords } from "../i18n/useWords";
import { useIntent } from "../tables/actions/useIntent";
import { Segments } from "../ui/Segments";
import type { Bar } from "./bar";

type MarginMode = "REGULAR_MARGIN" | "ISOLATED_MARGIN";
type PositionMode = "one_way" | "hedge";

export function Modes({ account, bar }: { account: Account; bar: Bar | null }) {
  const { t } = useWords();
  return (
    <section aria-labelledby="modes-title" data-testid="modes">
      <h2 id="modes-title">{t("standing.modes")}</h2>
      {bar !== null && <p className="hint">{t(`ticket.block_${bar}`)}</p>}
      <Margin account={account} mayTrade={bar === null} />
      <Position account={account} mayTrade={bar === null} />
    </section>
  );
}

function Margin({ account, mayTrade }: { account: Account; mayTrade: boolean }) {
  const { t } = useWords();
  const now = account.margin_mode;
  const [chosen, setChosen] = useState<MarginMode | null>(null);
  const [asked, setAsked] = useState<MarginMode | null>(null);
  const live = useLiveWord(account);
  const { phase, fault, ask } = useIntent(account.id, { said: t("standing.margin_mode"), onTaken: () => setAsked(chosen) });
  const value = chosen ?? (now === "ISOLATED_MARGIN" ? now : "REGULAR_MARGIN");
  const closed = !mayTrade || !account.capabilities.can_set_margin_mode || chosen === null || chosen === now || !live.isTyped || phase === "sending";
  return (
    <form
      className="box stack"
      data-testid="margin-mode"
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        if (!closed) ask({ kind: "margin_mode", mode: value });
      }}
    >
      <strong>{t("standing.margin_mode")}</strong>
      <p>
        {t("standing.now")}: <span data-testid="margin-mode-now">{now === null ? t("standing.unread") : marginWords(t, now)}</span>
      </p>
      <Segments
        label={t("standing.margin_mode")}
        value={value}
        disabled={!mayTrade || !account.capabilities.can_set_margin_mode}
        options={[
          { value: "REGULAR_MARGIN", label: t("tables.mode_cross"), testId: "margin-cross" },
          { value: "ISOLATED_MARGIN", label: t("tables.mode_isolated"), testId: "margin-isolated" },
        ]}
        onChange={setChosen}
      />
      <p className="hint">{account.capabilities.can_set_margin_mode ? t("standing.margin_hint") : t("problems.account.not_here")}</p>
      {live.field}
      {asked !== null && asked !== now && fault === null && <p role="status">{t("standing.mode_asked")}</p>}
      {fault !== null && (
        <p className="fault" role="alert">
          {fault}
        </p>
      )}
      <button type="submit" className="button" data-testid="margin-mode-set" aria-disabled={closed}>
        {phase === "sending" ? t("actions.sending") : phase === "unknown" ? t("actions.ask_again") : t("standing.mode_set")}
      </button>
    </form>
  );
}

/** The word to type where real money is at stake; elsewhere nothing is asked. */
function useLiveWord(account: Account): { readonly isTyped: boolean; readonly field: ReactNode } {
  const { t } = useWords();
  const [typed, setTyped] = useState("");
  if (account.environment !== "live") return { isTyped: true, field: null };
  const word = t("kill.live_word");
  const field = (
    <label className="field">
      <span className="label">{t("standing.mode_typed", { word })}</span>
      <input className="input" autoComplete="off" spellCheck={false} value={typed} data-testid="mode-typed" onChange={(event) => setTyped(event.target.value)} />
    </label>
  );
  return { isTyped: typed.trim().toUpperCase() === word, field };
}

function marginWords(t: ReturnType<typeof useWords>["t"], mode: string): string {
  return t(mode === "ISOLATED_MARGIN" ? "tables.mode_isolated" : mode === "REGULAR_MARGIN" ? "tables.mode_cross" : "tables.mode_portfolio");
}

function Position({ account, mayTrade }: { account: Account; mayTrade: boolean }) {
  const { t } = useWords();
  const [symbol, setSymbol] = useState("BTCUSDT");
  const [mode, setMode] = useState<PositionMode>("hedge");
  const [taken, setTaken] = useState<string | null>(null);
  const live = useLiveWord(account);
  const { phase, fault, ask } = useIntent(account.id, { said: t("standing.position_mode"), onTaken: () => setTaken(symbol) });
  const may = mayTrade && account.capabilities.can_set_position_mode;
  const closed = !may || !/^[A-Z0-9][A-Z0-9-]{1,31}$/.test(symbol) || !live.isTyped || phase === "sending";
  return (
    <form
      className="box stack"
      data-testid="position-mode"
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        if (!closed) ask({ kind: "position_mode", category: "linear", symbol, mode });
      }}
    >
      <strong>{t("standing.position_mode")}</strong>
      <p>
        {t("standing.now")}: {t(account.position_mode === "one_way" ? "standing.position_one_way" : "standing.position_by_symbol")}
      </p>
      <label className="field">
        <span className="label">{t("tables.symbol")}</span>
        <input className="input" autoComplete="off" spellCheck={false} value={symbol} disabled={!may} data-testid="position-mode-symbol" onChange={(event) => setSymbol(event.target.value.trim().toUpperCase())} />
      </label>
      <Segments
        label={t("standing.position_mode")}
        value={mode}
        disabled={!may}
        options={[
          { value: "one_way", label: t("standing.mode_one_way"), testId: "position-one-way" },
          { value: "hedge", label: t("standing.mode_hedge"), testId: "position-hedge" },
        ]}
        onChange={setMode}
      />
      <p className="hint">{account.capabilities.can_set_position_mode ? t("standing.position_hint") : t("problems.account.not_here")}</p>
      {live.field}
      {taken !== null && fault === null && <p role="status">{t("standing.mode_asked")}</p>}
      {fault !== null && (
        <p className="fault" role="alert">
          {fault}
        </p>
      )}
      <button type="submit" className="button" data-testid="position-mode-set" aria-disabled={closed}>
        {phase === "sending" ? t("actions.sending") : phase === "unknown" ? t("actions.ask_again") : t("standing.mode_set")}
      </button>
    </form>
  );
}
