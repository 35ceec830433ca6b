/**
 * What surrounds every signed-in screen: header, banners, frame of the environment, status bar.
 *
 * The stream lives as long as the shell. When the session ends the page stays, and one logs in again on top of it.
 */
import { useQuery } from "@tanstack/react-query";
import { Link, Outlet, useParams, useRouterState } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import { Mark } from "../auth/AuthFrame";
import { LogInAgain } from "../auth/LogInAgain";
import { queries, signedOut, stream } from "../app/services";
import { accountsQuery, sessionQuery } from "../app/session";
import { Refused } from "../api/errors";
import type { Account } from "../api/types";
import { useWords } from "../i18n/useWords";
import { KillBanner } from "../kill/KillBanner";
import { KillSwitch } from "../kill/KillSwitch";
import { Bell } from "../news/Bell";
import { useAccountIfAny, useLink } from "../stream/hooks";
import { Banners } from "./Banners";
import { LanguageSwitch, SCREENS, ThemeSwitch, UserMenu } from "./Controls";
import { AccountSwitcher } from "./AccountSwitcher";
import { EnvironmentFrame } from "./Environment";
import { lastAccount, noteAccount } from "./lastAccount";
import { LiveSwitch, useTicketOfOne } from "./LiveSwitch";
import { useLeave } from "./leave";
import { ExchangeIndicator, LinkIndicator } from "./Links";
import { OrderNews } from "./OrderNews";
import { StatusBar } from "./StatusBar";
import { WorkspaceSwitcher } from "./WorkspaceSwitcher";

export function Shell() {
  const accounts = useQuery(accountsQuery);
  const params = useParams({ strict: false });
  const shown = params.account ?? lastAccount();
  const account = accounts.data?.find((each) => each.id === shown) ?? accounts.data?.[0] ?? null;
  const state = useAccountIfAny(account?.id ?? null);
  const now = state?.phase === "live" || state?.phase === "resyncing" ? state.data.account : account;

  useEffect(() => {
    stream.connection.start();
    return () => stream.connection.stop();
  }, []);
  useSessionEnd();
  useEffect(() => {
    if (params.account !== undefined) noteAccount(params.account);
  }, [params.account]);
  useWorkspaceChange();
  useTicketOfOne(params.symbol === undefined ? undefined : params.account);

  return (
    <div className="shell">
      <SkipLinks isTerminal={params.symbol !== undefined} />
      {account !== null && <OrderNews key={account.id} account={account} />}
      {account !== null && <EnvironmentFrame environment={account.environment} />}
      <Header account={now} accounts={accounts.data ?? []} />
      <KillBanner />
      <Banners state={state} />
      {/* Never under a key of the account: a form that somebody fills in outlives what the list of accounts says. */}
      <Outlet />
      <StatusBar state={state} />
      <LiveSwitch accounts={accounts.data ?? []} />
      <LogInAgain />
    </div>
  );
}

function SkipLinks({ isTerminal }: { isTerminal: boolean }) {
  const { t } = useWords();
  const targets = isTerminal ? (["ticket", "orders"] as const) : (["main"] as const);
  return targets.map((target) => (
    <a key={target} className="skip" href={`#${target}`}>
      {t(`shell.skip_${target}`)}
    </a>
  ));
}

function isHere(to: (typeof SCREENS)[number]["to"], here: string): boolean {
  if (to === "/") return here === "/" || here.startsWith("/terminal");
  return here.startsWith(to) || (to === "/bots" && here.startsWith("/strategies"));
}

function NavLink({ to, label, active }: { to: (typeof SCREENS)[number]["to"]; label: string; active: boolean }) {
  return (
    <Link to={to} className={`nav-link ${active ? "active" : ""}`} aria-current={active ? "page" : undefined}>
      {label}
    </Link>
  );
}

function Header({ account, accounts }: { account: Account | null; accounts: readonly Account[] }) {
  const { t } = useWords();
  const here = useRouterState({ select: (state) => state.location.pathname });
  const session = useQuery(sessionQuery);
  const leave = useLeave();
  return (
    <header className="header">
      <Mark />
      <WorkspaceSwitcher />
      {account !== null && <AccountSwitcher account={account} accounts={accounts} />}
      <nav aria-label={t("shell.nav")}>
        {SCREENS.map(({ to, name }) => (
          <NavLink key={to} to={to} label={t(`shell.${name}`)} active={isHere(to, here)} />
        ))}
      </nav>
      <span className="spacer" />
      <LinkIndicator />
      <ExchangeIndicator account={account} />
      <KillSwitch account={account} />
      <Bell />
      <LanguageSwitch />
      <ThemeSwitch />
      <UserMenu username={session.data?.user?.username ?? ""} version={session.data?.version ?? ""} onLogOut={leave} />
    </header>
  );
}

/** Notices that the session ended, by the stream's word; any answer that says so is noticed where it comes in. */
function useSessionEnd(): void {
  const link = useLink();
  const attempt = link.state === "reconnecting" || link.state === "disconnected" ? link.attempt : 0;
  useEffect(() => {
    if (link.state === "signed_out") signedOut.set(true);
  }, [link.state]);
  useEffect(() => {
    if (attempt === 0) return;
    // A refused handshake looks to a browser like any lost connection: ask who we are. No answer: the link says so.
    void queries.fetchQuery({ ...sessionQuery, staleTime: 0, retry: false }).catch(() => undefined);
  }, [attempt]);
}

/** Another tab went to another workspace: what this one shows is not what its session is about, so it begins anew. */
function useWorkspaceChange(): void {
  const session = useQuery(sessionQuery);
  const now = session.data?.workspace?.id;
  const shown = useRef(now);
  useEffect(() => {
    const anew = (): void => {
      stream.connection.stop();
      location.assign("/");
    };
    if (now !== undefined && shown.current !== undefined && now !== shown.current) return anew();
    shown.current ??= now;
    const judge = (error: unknown): void => {
      if (error instanceof Refused && error.problem.code === "workspace.changed") anew();
    };
    const ends = [
      queries.getQueryCache().subscribe((event) => judge(event.query.state.error)),
      queries.getMutationCache().subscribe((event) => judge(event.mutation?.state.error)),
    ];
    return () => ends.forEach((end) => end());
  }, [now]);
}
