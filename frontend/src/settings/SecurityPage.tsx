/** A person's own ways in beside the password: authenticator app, passkeys, recovery codes. */
import { queryOptions, useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { readSecurity } from "../api/factors";
import { queries } from "../app/services";
import { useWords } from "../i18n/useWords";
import { Failure } from "../ui/Failure";
import { Waiting } from "../ui/Waiting";
import { SecurityPasskeys } from "./SecurityPasskeys";
import { RecoveryCodes, SecurityRecovery } from "./SecurityRecovery";
import { SecurityTotp } from "./SecurityTotp";

export const securityQuery = queryOptions({ queryKey: ["security"], queryFn: readSecurity, staleTime: 5_000 });

export function SecurityPage() {
  const { t } = useWords();
  const security = useQuery(securityQuery);
  // Shown once, and in this component's memory alone.
  const [codes, setCodes] = useState<readonly string[] | null>(null);
  useEffect(() => {
    document.title = `${t("security.title")} · ${t("common.product")}`;
  }, [t]);
  const changed = async (fresh: readonly string[] | null): Promise<void> => {
    if (fresh !== null) setCodes(fresh);
    await queries.invalidateQueries({ queryKey: securityQuery.queryKey });
  };
  return (
    <main className="settings" id="main" tabIndex={-1} aria-labelledby="security-title" data-testid="security">
      <div className="settings-head">
        <h1 id="security-title">{t("security.title")}</h1>
      </div>
      <p className="muted">{t("security.text")}</p>
      {security.isError && <Failure what={t("security.title")} error={security.error} onRetry={() => void security.refetch()} />}
      {security.data === undefined && !security.isError && <Waiting rows={4} onRetry={() => void security.refetch()} />}
      {codes !== null && <RecoveryCodes codes={codes} onDone={() => setCodes(null)} />}
      {security.data !== undefined && (
        <>
          <SecurityTotp totp={security.data.totp} onChanged={changed} />
          <SecurityPasskeys passkeys={security.data.passkeys} refused={security.data.passkeys_refused} onChanged={changed} />
          <SecurityRecovery left={security.data.recovery_left} hasFactor={security.data.totp !== null || security.data.passkeys.length > 0} onChanged={changed} />
        </>
      )}
    </main>
  );
}
