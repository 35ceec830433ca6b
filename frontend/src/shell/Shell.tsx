/**
 * What surrounds every signed-in screen: header, banners, frame of the environment, status bar.
 *
 * The stream lives as long as the shell. When the session ends the way leads to the login and back to the same address.
 */
import { useQuery } from "@tanstack/react-query";
import { Link, Outlet, useNavigate, useParams, useRouterState } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import { Mark } from "../auth/AuthFrame";
import { notices, queries, stream } from "../app/services";
import { accountsQuery, forgetPerson, sessionQuery } from "../app/session";
import { logout } from "../api/calls";
import { Refused } from "../api/errors";
import type { Account } from "../api/types";
import { useWords } from "../i18n/useWords";
import { forgetBotDrafts } from "../bots/wizard/keeping";
import { forgetDrafts } from "../ticket/draft";
import { KillBanner } from "../kill/KillBanner";
import { KillSwitch } from "../kill/KillSwitch";
import { useAccountIfAny, useLink } from "../stream/hooks";
import { Banners } from "./Banners";
import { LanguageSwitch, ThemeSwitch, UserMenu } from "./Controls";
import { AccountSwitcher } from "./AccountSwitcher";
import { EnvironmentFrame } from "./Environment";
import { lastAccount, noteAccount } from "./lastAccount";
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

function NavLink({ to, label, active }: { to: "/" | "/bots" | "/backtests" | "/settings/accounts"; label: string; active: boolean }) {
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
  const navigate = useNavigate();
  const leave = async (): Promise<void> => {
    // First the stream: the server closes it with the session, and that must not look like an expiry.
    stream.connection.stop();
    try {
      await logout();
    } catch (error) {
      stream.connection.start();
      throw error;
    }
    notices.clear();
    // The data goes after the screen that shows it: cleared earlier, the screen would ask for it again.
    await navigate({ to: "/login", search: { reason: "left" } });
    forgetPerson();
    forgetDrafts();
    forgetBotDrafts();
  };
  return (
    <header className="header">
      <Mark />
      <WorkspaceSwitcher />
      {account !== null && <AccountSwitcher account={account} accounts={accounts} />}
      <nav aria-label={t("shell.nav")}>
        <NavLink to="/" label={t("shell.terminal")} active={here === "/" || here.startsWith("/terminal")} />
        <NavLink to="/bots" label={t("shell.bots")} active={here.startsWith("/bots") || here.startsWith("/strategies")} />
        <NavLink to="/backtests" label={t("shell.backtests")} active={here.startsWith("/backtests")} />
        <NavLink to="/settings/accounts" label={t("shell.accounts")} active={here.startsWith("/settings/accounts")} />
      </nav>
      <span className="spacer" />
      <LinkIndicator />
      <ExchangeIndicator account={account} />
      <KillSwitch account={account} />
      <LanguageSwitch />
      <ThemeSwitch />
      <UserMenu username={session.data?.user?.username ?? ""} version={session.data?.version ?? ""} onLogOut={leave} />
    </header>
  );
}

/** Notices that the session ended, by the stream's word or by any call's, and leads to the login and back. */
function useSessionEnd(): void {
  const navigate = useNavigate();
  const link = useLink();
  const session = useQuery(sessionQuery);
  const here = useRouterState({ select: (state) => state.location.href });
  const attempt = link.state === "reconnecting" || link.state === "disconnected" ? link.attempt : 0;

  const ending = useRef(false);

  useEffect(() => {
    const end = (): void => {
      if (ending.current) return;
      ending.current = true;
      stream.connection.stop();
      void navigate({ to: "/login", search: { next: here, reason: "expired" }, replace: true }).then(forgetPerson);
    };
    if (session.data?.user === null) return end();
    if (link.state === "signed_out") return end();
    const stopWatching = queries.getQueryCache().subscribe((event) => {
      const error = event.query.state.error;
      if (error instanceof Refused && error.problem.status === 401) end();
    });
    // A refused handshake looks to a browser like any lost connection: ask who we are.
    if (attempt > 0) {
      void queries
        .fetchQuery({ ...sessionQuery, staleTime: 0, retry: false })
        .then((now) => (now.user === null ? end() : undefined))
        .catch(() => undefined); // no answer: the link's own state says so
    }
    return stopWatching;
  }, [link.state, session.data, attempt, here, navigate]);
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
