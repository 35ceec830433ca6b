/** What is used of what the exchange may be asked: of the address, and of each class of calls. */
import { useQuery } from "@tanstack/react-query";
import { localTime } from "../format/time";
import { useWords } from "../i18n/useWords";
import { useNow } from "../stream/hooks";
import { Failure } from "../ui/Failure";
import { Waiting } from "../ui/Waiting";
import { budgetQuery } from "./queries";

export function Budget({ accountId }: { accountId: string }) {
  const { t } = useWords();
  const now = useNow(1_000);
  const budget = useQuery(budgetQuery(accountId));
  return (
    <section aria-labelledby="budget-title" data-testid="budget">
      <h2 id="budget-title">{t("standing.budget")}</h2>
      <p className="hint">{t("standing.budget_hint")}</p>
      {budget.isError && budget.data === undefined && <Failure what={t("standing.budget")} error={budget.error} onRetry={() => void budget.refetch()} />}
      {budget.data === undefined && !budget.isError && <Waiting rows={2} />}
      {budget.data !== undefined && budget.data.told_ms === null && <p className="muted">{t("standing.budget_untold")}</p>}
      {budget.data !== undefined && budget.data.told_ms !== null && (
        <>
          {budget.data.silent_until_ms !== null && budget.data.silent_until_ms > now && (
            <p className="caution" role="status" data-testid="budget-silent">
              {t("standing.silent_until", { time: localTime(budget.data.silent_until_ms) })}
            </p>
          )}
          <div className="table-scroll">
            <table className="table">
              <thead>
                <tr>
                  <th scope="col">{t("standing.budget_class")}</th>
                  <th scope="col" className="number">
                    {t("standing.used")}
                  </th>
                  <th scope="col" className="number">
                    {t("standing.waiting")}
                  </th>
                </tr>
              </thead>
              <tbody>
                <tr>
                  <th scope="row">{t("standing.address")}</th>
                  <td className="number">
                    {budget.data.address_used} / {budget.data.address_limit}
                  </td>
                  <td className="number">—</td>
                </tr>
                {budget.data.endpoints.map((each) => (
                  <tr key={each.path}>
                    <th scope="row">
                      <span className="code">{each.path}</span>
                    </th>
                    <td className={`number ${each.is_closed ? "caution" : ""}`}>
                      {each.used} / {each.limit}
                      {each.is_closed && ` · ${t("standing.closed_until", { time: localTime(each.resets_ms) })}`}
                    </td>
                    <td className="number">{each.waiting}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </>
      )}
    </section>
  );
}
