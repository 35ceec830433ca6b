/**
 * Which account everything on the screen is about, and the others to go to, grouped by environment.
 *
 * Another account is another address; what going there asks, and does to an unsent ticket, is `LiveSwitch`'s.
 */
import { Link, useParams } from "@tanstack/react-router";
import type { Account, Environment } from "../api/types";
import { useWords } from "../i18n/useWords";
import { accountName } from "../i18n/words";
import { Icon } from "../ui/Icon";
import { Popover } from "../ui/Popover";
import { ENVIRONMENT_WORD, EnvironmentBadge } from "./Environment";

const GROUPS: readonly Environment[] = ["sim", "demo", "testnet", "live"];

export function AccountSwitcher({ account, accounts }: { account: Account; accounts: readonly Account[] }) {
  const { t } = useWords();
  const params = useParams({ strict: false });
  const target = { category: params.category ?? "linear", symbol: params.symbol ?? "BTCUSDT" };
  const groups = GROUPS.map((environment) => ({
    environment,
    members: accounts.filter((each) => each.environment === environment),
  })).filter(({ members }) => members.length > 0);
  return (
    <Popover
      label={t("shell.account_switch", { name: `${ENVIRONMENT_WORD[account.environment]} ${accountName(t, account)}` })}
      triggerClass="account"
      side="left"
      testId="account-switcher"
      trigger={
        <>
          <EnvironmentBadge environment={account.environment} bare />{" "}
          <span className="account-name">{accountName(t, account)}</span>
          <Icon name="chevron" size={12} />
        </>
      }
    >
      {(close) => (
        <div className="stack">
          {groups.map(({ environment, members }) => (
            <div key={environment} className="stack tight">
              <h2>{ENVIRONMENT_WORD[environment]}</h2>
              {members.map((each) => (
                <Link
                  key={each.id}
                  to="/terminal/$account/$category/$symbol"
                  params={{ account: each.id, ...target }}
                  className={`account-option ${each.id === account.id ? "active" : ""}`}
                  aria-current={each.id === account.id ? "true" : undefined}
                  data-testid="account-option"
                  onClick={close}
                >
                  <EnvironmentBadge environment={environment} />
                  <span className="account-name">{accountName(t, each)}</span>
                  <span className="muted">{t(`links.session.${each.session.state}`)}</span>
                </Link>
              ))}
            </div>
          ))}
          <Link to="/settings/accounts" className="link-button" onClick={close}>
            {t("shell.manage_accounts")}
          </Link>
        </div>
      )}
    </Popover>
  );
}
