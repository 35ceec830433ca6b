/** Step 2: on which account, and what it trades. The category and the timeframe are the strategy's own. */
import { useQuery } from "@tanstack/react-query";
import Big from "big.js";
import { useEffect, useId } from "react";
import type { Account, Instrument, SpecChecked } from "../../api/types";
import { accountsQuery, instrumentsQuery, tickersQuery } from "../../app/session";
import { amount, grouping } from "../../format/number";
import { useWords } from "../../i18n/useWords";
import { accountName } from "../../i18n/words";
import { EnvironmentBadge, ENVIRONMENT_WORD } from "../../shell/Environment";
import { Failure } from "../../ui/Failure";
import { Waiting } from "../../ui/Waiting";
import { positive, type Draft } from "./draft";
import type { Change } from "./WizardPage";

type Spec = NonNullable<SpecChecked["spec"]>;
type Props = { readonly draft: Draft; readonly change: Change; readonly spec: Spec | null };

const ORDER: readonly Account["environment"][] = ["sim", "demo", "testnet", "live"];

/** Simulated ones first: whoever looks at nothing risks nothing. */
export function byRisk(accounts: readonly Account[]): readonly Account[] {
  return [...accounts].sort((a, b) => ORDER.indexOf(a.environment) - ORDER.indexOf(b.environment));
}

export function MarketStep({ draft, change, spec }: Props) {
  const { t } = useWords();
  const label = useId();
  const found = useQuery(accountsQuery);
  const accounts = byRisk(found.data ?? []);
  const account = accounts.find((each) => each.id === draft.accountId) ?? null;
  const first = accounts[0]?.id;
  useEffect(() => {
    if (account === null && first !== undefined) change({ accountId: first });
  });
  if (spec === null) return <Waiting rows={3} />;
  if (found.isError && found.data === undefined) return <Failure what={t("bots.wizard.account")} error={found.error} onRetry={() => void found.refetch()} />;
  if (found.data === undefined) return <Waiting rows={3} onRetry={() => void found.refetch()} />;
  if (accounts.length === 0) return <p className="caution">{t("bots.wizard.account_none")}</p>;
  return (
    <>
      <div className="field">
        <label htmlFor={label}>{t("bots.wizard.account")}</label>
        <select id={label} className="input" value={draft.accountId ?? ""} data-testid="wizard-account" onChange={(event) => change({ accountId: event.target.value })}>
          {accounts.map((each) => (
            <option key={each.id} value={each.id}>
              {ENVIRONMENT_WORD[each.environment]} · {accountName(t, each)}
            </option>
          ))}
        </select>
      </div>
      {account !== null && (
        <p className="row">
          <EnvironmentBadge environment={account.environment} />
          {account.session.state !== "ready" && <span className="caution">{t("bots.wizard.not_ready", { account: accountName(t, account), state: t(`runs.link.${account.session.state}`) })}</span>}
        </p>
      )}
      {account !== null && <Symbol draft={draft} change={change} spec={spec} account={account} />}
    </>
  );
}

function Symbol({ draft, change, spec, account }: Props & { readonly spec: Spec; readonly account: Account }) {
  const { t } = useWords();
  const label = useId();
  const listed = useQuery(instrumentsQuery(account.environment, spec.category));
  const symbol = draft.symbol ?? spec.symbol;
  const instrument = listed.data?.find((each) => each.symbol === symbol);
  return (
    <div className="field">
      <label htmlFor={label}>{t("bots.wizard.symbol")}</label>
      <input
        id={label}
        className="input"
        list={`${label}-all`}
        autoComplete="off"
        autoCapitalize="characters"
        spellCheck={false}
        maxLength={40}
        value={symbol}
        data-testid="wizard-symbol"
        onChange={(event) => change({ symbol: event.target.value.toUpperCase().trim() })}
      />
      <datalist id={`${label}-all`}>
        {listed.data?.map((each) => (
          <option key={each.symbol} value={each.symbol}>
            {each.symbol}
          </option>
        ))}
      </datalist>
      <span className="hint">{t("bots.wizard.symbol_hint", { symbol: spec.symbol, category: spec.category, timeframe: spec.timeframe })}</span>
      {listed.data !== undefined && instrument === undefined && <span className="fault">{t("bots.wizard.symbol_unknown", { symbol })}</span>}
      {instrument !== undefined && instrument.status !== "Trading" && <span className="fault">{t("bots.wizard.symbol_closed", { symbol })}</span>}
      {instrument !== undefined && <MinOrder draft={draft} account={account} instrument={instrument} />}
    </div>
  );
}

/** What the smallest order is worth now, against the capital. */
function MinOrder({ draft, account, instrument }: { draft: Draft; account: Account; instrument: Instrument }) {
  const { t, language } = useWords();
  const tickers = useQuery(tickersQuery(account.environment, instrument.category)).data;
  const price = tickers?.find((each) => each.symbol === instrument.symbol)?.last_price;
  if (price == null) return null;
  const byQuantity = new Big(instrument.min_quantity).times(price);
  const worth = byQuantity.gt(instrument.min_notional) ? byQuantity : new Big(instrument.min_notional);
  const value = `${amount(worth, language)} ${instrument.quote_coin}`;
  const capital = positive(draft.capital);
  return capital !== null && worth.gt(capital) ? (
    <span className="caution">{t("bots.wizard.min_over_capital", { value })}</span>
  ) : (
    <span className="hint">{t("bots.wizard.min_order", { quantity: `${grouping(instrument.min_quantity, language)} ${instrument.base_coin}`, value })}</span>
  );
}
