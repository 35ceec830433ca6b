/** Which money this is: by word, drawing and colour together, and a frame around the viewport where it matters. */
import type { Environment } from "../api/types";
import { useWords } from "../i18n/useWords";
import { Icon, type IconName } from "../ui/Icon";

export const ENVIRONMENT_WORD: Readonly<Record<Environment, string>> = {
  sim: "SIM",
  demo: "DEMO",
  testnet: "TESTNET",
  live: "LIVE",
};
const DRAWING: Readonly<Record<Environment, IconName>> = { sim: "flask", demo: "cube", testnet: "screen", live: "bolt" };

/** `bare` within a control that has a label of its own: its word alone, which the label repeats. */
export function EnvironmentBadge({ environment, bare = false }: { environment: Environment; bare?: boolean }) {
  const { t } = useWords();
  const name = ENVIRONMENT_WORD[environment];
  const hint = t(`shell.env_${environment}_hint`);
  return (
    <span className={`env-badge ${environment}`} data-testid="env-badge" data-environment={environment} title={hint}>
      <Icon name={DRAWING[environment]} />
      <span aria-hidden={bare ? undefined : "true"}>{name}</span>
      {!bare && <span className="visually-hidden">{`${t("shell.environment", { name })}. ${hint}`}</span>}
    </span>
  );
}

export function EnvironmentFrame({ environment }: { environment: Environment }) {
  return <div className={`env-frame ${environment}`} data-testid="env-frame" data-environment={environment} aria-hidden="true" />;
}
