/** How a key is made that can do what is needed here and nothing else, for each environment. */
import type { Environment } from "../api/types";
import { useWords } from "../i18n/useWords";

const STEPS = {
  sim: ["sim_1", "sim_2"],
  demo: ["demo_1", "demo_2", "permissions", "no_withdrawal", "ip", "paste"],
  testnet: ["testnet_1", "make", "permissions", "no_withdrawal", "ip", "paste"],
  live: ["live_1", "make", "permissions", "no_withdrawal", "ip", "sub_account", "expiry", "paste"],
} as const satisfies Readonly<Record<Environment, readonly string[]>>;

export function SafeKey({ environment }: { environment: Environment }) {
  const { t } = useWords();
  return (
    <details className="safe-key" data-testid="safe-key">
      <summary>{t("connections.safe_title")}</summary>
      <ol>
        {STEPS[environment].map((step) => (
          <li key={step}>{t(`connections.safe_${step}`)}</li>
        ))}
      </ol>
    </details>
  );
}
