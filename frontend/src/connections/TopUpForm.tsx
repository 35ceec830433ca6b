/** Play money for a demo account: the exchange gives it once a minute. */
import { useMutation, useQuery } from "@tanstack/react-query";
import { useId, useState, type FormEvent } from "react";
import { askTopUp } from "../api/connections";
import { newIntentId } from "../api/intent";
import type { AskTopUp, Connection } from "../api/types";
import { queries } from "../app/services";
import { useWords } from "../i18n/useWords";
import { failureText, faultText } from "../i18n/words";
import { topUpQuery } from "./queries";

const AMOUNTS = { USDT: "10000", USDC: "10000", BTC: "1", ETH: "10" } as const satisfies Readonly<Record<AskTopUp["coin"], string>>;
const COINS = Object.keys(AMOUNTS) as AskTopUp["coin"][];

export function TopUpForm({ connection, mayTrade }: { connection: Connection; mayTrade: boolean }) {
  const { t, language } = useWords();
  const last = useQuery(topUpQuery(connection.id));
  const [coin, setCoin] = useState<AskTopUp["coin"]>("USDT");
  const [amount, setAmount] = useState<string>(AMOUNTS.USDT);
  const id = useId();
  const asking = useMutation({
    mutationFn: (request: AskTopUp) => askTopUp(connection.id, request),
    onSettled: () => queries.invalidateQueries({ queryKey: topUpQuery(connection.id).queryKey }),
  });
  const isNumber = /^\d{1,12}(\.\d{1,8})?$/.test(amount.trim()) && !/^[0.]+$/.test(amount.trim());
  const underWay = last.data?.state === "asked" || last.data?.state === "sending";
  const onSubmit = (event: FormEvent): void => {
    event.preventDefault();
    if (isNumber && !asking.isPending && !underWay) asking.mutate({ id: newIntentId(), coin, amount: amount.trim() });
  };
  return (
    <form className="row top-up" noValidate onSubmit={onSubmit} data-testid="top-up" aria-label={t("connections.top_up")}>
      <span className="muted">{t("connections.top_up")}</span>
      <label className="visually-hidden" htmlFor={`${id}-amount`}>
        {t("connections.top_up_amount")}
      </label>
      <input
        id={`${id}-amount`}
        className="input"
        inputMode="decimal"
        autoComplete="off"
        value={amount}
        aria-invalid={!isNumber}
        data-testid="top-up-amount"
        onChange={(event) => setAmount(event.target.value)}
      />
      <label className="visually-hidden" htmlFor={`${id}-coin`}>
        {t("connections.top_up_coin")}
      </label>
      <select
        id={`${id}-coin`}
        className="input"
        value={coin}
        data-testid="top-up-coin"
        onChange={(event) => {
          const chosen = event.target.value as AskTopUp["coin"];
          setCoin(chosen);
          setAmount(AMOUNTS[chosen]);
        }}
      >
        {COINS.map((each) => (
          <option key={each} value={each}>
            {each}
          </option>
        ))}
      </select>
      <button type="submit" className="button small" data-testid="top-up-ask" disabled={!mayTrade || !isNumber || asking.isPending || underWay}>
        {t("connections.top_up_ask")}
      </button>
      <span role="status" data-testid="top-up-state" data-state={last.data?.state ?? ""}>
        {asking.isError ? (
          <span className="fault">{failureText(t, asking.error, language).text}</span>
        ) : (
          last.data != null && (
            <span className={last.data.state === "refused" ? "fault" : last.data.state === "unknown" ? "caution" : "muted"}>
              {last.data.reason === null
                ? t(`connections.top_up_${last.data.state}`, { amount: last.data.amount, coin: last.data.coin })
                : faultText(t, last.data.reason, language)}
            </span>
          )
        )}
      </span>
    </form>
  );
}
