/** For the operator: whether who runs the machine allows real money. It is a setting of the machine, so nothing is pressed here. */
import { useQuery } from "@tanstack/react-query";
import { environmentsQuery } from "../connections/queries";
import { useWords } from "../i18n/useWords";

export function RealTrading() {
  const { t } = useWords();
  const live = useQuery(environmentsQuery).data?.find((each) => each.environment === "live");
  if (live === undefined) return null;
  const isOff = live.refusal !== null;
  return (
    <section aria-labelledby="real-trading-title" data-testid="real-trading" data-off={isOff}>
      <h2 id="real-trading-title">{t("arming.title")}</h2>
      <p>{isOff ? t("arming.off") : t("arming.allowed")}</p>
    </section>
  );
}
