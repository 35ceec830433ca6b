/** A table of quotas: what is allowed, what is used; with `onSet` the operator changes one. */
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import type { Quota } from "../api/people";
import { grouping, parseDecimal } from "../format/number";
import { useWords } from "../i18n/useWords";
import { Fault } from "./parts";

type SetQuota = (quota: Pick<Quota, "scope" | "name"> & { value: string | null }) => Promise<unknown>;

export function Quotas({ quotas, onSet }: { quotas: readonly Quota[]; onSet?: SetQuota }) {
  const { t, language } = useWords();
  return (
    <div className="scroll-x">
      <table className="plain-table" data-testid="quotas">
        <thead>
          <tr>
            <th scope="col">{t("people.quota")}</th>
            <th scope="col">{t("people.quota_whose")}</th>
            <th scope="col" className="right">
              {t("people.quota_used")}
            </th>
            <th scope="col" className="right">
              {t("people.quota_limit")}
            </th>
            {onSet !== undefined && <th scope="col">{t("people.quota_change")}</th>}
          </tr>
        </thead>
        <tbody>
          {quotas.map((each) => (
            <tr key={`${each.scope} ${each.name}`} data-testid={`quota-${each.scope}-${each.name}`}>
              <th scope="row">
                {t(`people.quota_${each.name}`)}
                {!each.held && <span className="hint block">{t("people.quota_not_held")}</span>}
              </th>
              <td>{t(onSet === undefined ? `people.quota_of_${each.scope}` : `people.quota_of_each_${each.scope}`)}</td>
              <td className="right num">{each.used === null || (onSet !== undefined && each.scope === "user") ? "—" : grouping(each.used, language)}</td>
              <td className="right num">
                {grouping(each.limit, language)}
                {each.limit !== each.default && <span className="hint block">{t("people.quota_usual", { value: grouping(each.default, language) })}</span>}
              </td>
              {onSet !== undefined && (
                <td>
                  <Change key={each.limit} quota={each} onSet={onSet} />
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Change({ quota, onSet }: { quota: Quota; onSet: SetQuota }) {
  const { t } = useWords();
  const [typed, setTyped] = useState(quota.limit);
  const setting = useMutation({ mutationFn: (value: string | null) => onSet({ scope: quota.scope, name: quota.name, value }) });
  const value = parseDecimal(typed);
  const name = t(`people.quota_${quota.name}`);
  return (
    <form
      className="row"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (value !== null && value !== quota.limit) setting.mutate(value);
      }}
    >
      <input className="input short" inputMode="decimal" aria-label={t("people.quota_new", { name })} aria-invalid={value === null} value={typed} onChange={(event) => setTyped(event.target.value)} />
      <button type="submit" className="button small" aria-label={t("people.quota_set_named", { name })} disabled={value === null || value === quota.limit || setting.isPending}>
        {t("people.quota_set")}
      </button>
      {quota.limit !== quota.default && (
        <button type="button" className="button small quiet" disabled={setting.isPending} onClick={() => setting.mutate(null)}>
          {t("people.quota_reset")}
        </button>
      )}
      <Fault error={setting.error} />
    </form>
  );
}
