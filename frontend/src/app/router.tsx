/**
 * The page's addresses. Every view worth sharing is in one: account, instrument, timeframe, tab.
 *
 * Signed-out visitors of any other address go to the login and come back; before the first claim they go to the welcome.
 */
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from "@tanstack/react-router";
import { InvitePage } from "../auth/InvitePage";
import { readAuditSearch } from "../audit/search";
import { readRunSearch } from "../bots/run/search";
import { readBotsSearch } from "../bots/search";
import { readWizardSearch } from "../bots/wizard/search";
import { LoginPage } from "../auth/LoginPage";
import { readLoginSearch } from "../auth/next";
import { StepUpHost } from "../auth/stepUp";
import { ResetPage } from "../auth/ResetPage";
import { WelcomePage } from "../auth/WelcomePage";
import { HomePage } from "../shell/HomePage";
import { NotFound, PageFailure } from "../shell/NotFound";
import { Shell } from "../shell/Shell";
import { LiveRegions, Toasts } from "../shell/Toasts";
import { readStrategySearch } from "../strategies/search";
import { readTerminalSearch } from "../terminal/search";
import { queries } from "./services";
import { sessionQuery } from "./session";

const root = createRootRoute({
  component: () => (
    <>
      <Outlet />
      <StepUpHost />
      <Toasts />
      <LiveRegions />
    </>
  ),
  notFoundComponent: NotFound,
  errorComponent: PageFailure,
});

const welcome = createRoute({ getParentRoute: () => root, path: "/welcome", component: WelcomePage });

const invite = createRoute({ getParentRoute: () => root, path: "/invite", component: InvitePage });

const reset = createRoute({ getParentRoute: () => root, path: "/reset", component: ResetPage });

const login = createRoute({
  getParentRoute: () => root,
  path: "/login",
  validateSearch: readLoginSearch,
  component: LoginPage,
});

const shell = createRoute({
  getParentRoute: () => root,
  id: "shell",
  beforeLoad: async ({ location }) => {
    const session = await queries.ensureQueryData(sessionQuery);
    if (!session.claimed) throw redirect({ to: "/welcome", replace: true });
    if (session.user === null) throw redirect({ to: "/login", search: { next: location.href }, replace: true });
    return { session };
  },
  component: Shell,
});

const home = createRoute({ getParentRoute: () => shell, path: "/", component: HomePage });

const terminalHome = createRoute({
  getParentRoute: () => shell,
  path: "/terminal",
  beforeLoad: () => {
    throw redirect({ to: "/", replace: true });
  },
});

const terminal = createRoute({
  getParentRoute: () => shell,
  path: "/terminal/$account/$category/$symbol",
  validateSearch: readTerminalSearch,
  component: lazyRouteComponent(() => import("../terminal/TerminalPage"), "TerminalPage"),
});

const settings = createRoute({
  getParentRoute: () => shell,
  id: "settings",
  component: lazyRouteComponent(() => import("../settings/SettingsLayout"), "SettingsLayout"),
});

const accounts = createRoute({
  getParentRoute: () => settings,
  path: "/settings/accounts",
  component: lazyRouteComponent(() => import("../connections/AccountsPage"), "AccountsPage"),
});

const account = createRoute({
  getParentRoute: () => shell,
  path: "/settings/accounts/$account",
  component: lazyRouteComponent(() => import("../standing/AccountPage"), "AccountPage"),
});

const differences = createRoute({
  getParentRoute: () => shell,
  path: "/settings/accounts/$account/differences",
  component: lazyRouteComponent(() => import("../differences/DifferencesPage"), "DifferencesPage"),
});

const tokens = createRoute({
  getParentRoute: () => settings,
  path: "/settings/tokens",
  component: lazyRouteComponent(() => import("../settings/TokensPage"), "TokensPage"),
});

const profile = createRoute({
  getParentRoute: () => settings,
  path: "/settings/profile",
  component: lazyRouteComponent(() => import("../settings/ProfilePage"), "ProfilePage"),
});

const sessions = createRoute({
  getParentRoute: () => settings,
  path: "/settings/sessions",
  component: lazyRouteComponent(() => import("../settings/SessionsPage"), "SessionsPage"),
});

const users = createRoute({
  getParentRoute: () => settings,
  path: "/settings/users",
  component: lazyRouteComponent(() => import("../settings/UsersPage"), "UsersPage"),
});

const workspaces = createRoute({
  getParentRoute: () => settings,
  path: "/settings/workspaces",
  component: lazyRouteComponent(() => import("../settings/WorkspacesPage"), "WorkspacesPage"),
});

const installation = createRoute({
  getParentRoute: () => settings,
  path: "/settings/installation",
  component: lazyRouteComponent(() => import("../settings/InstallationPage"), "InstallationPage"),
});

const security = createRoute({
  getParentRoute: () => settings,
  path: "/settings/security",
  component: lazyRouteComponent(() => import("../settings/SecurityPage"), "SecurityPage"),
});

const audit = createRoute({
  getParentRoute: () => settings,
  path: "/audit",
  validateSearch: readAuditSearch,
  component: lazyRouteComponent(() => import("../audit/AuditPage"), "AuditPage"),
});

const notificationSettings = createRoute({
  getParentRoute: () => settings,
  path: "/settings/notifications",
  component: lazyRouteComponent(() => import("../news/SettingsPage"), "NotificationSettingsPage"),
});

const notifications = createRoute({
  getParentRoute: () => shell,
  path: "/notifications",
  component: lazyRouteComponent(() => import("../news/NotificationsPage"), "NotificationsPage"),
});

const alerts = createRoute({
  getParentRoute: () => shell,
  path: "/alerts",
  component: lazyRouteComponent(() => import("../alerts/AlertsPage"), "AlertsPage"),
});

const backtests = createRoute({
  getParentRoute: () => shell,
  path: "/backtests",
  component: lazyRouteComponent(() => import("../backtests/BacktestsPage"), "BacktestsPage"),
});

const backtest = createRoute({
  getParentRoute: () => shell,
  path: "/backtests/$backtest",
  component: lazyRouteComponent(() => import("../backtests/BacktestPage"), "BacktestPage"),
});

const bots = createRoute({
  getParentRoute: () => shell,
  path: "/bots",
  validateSearch: readBotsSearch,
  component: lazyRouteComponent(() => import("../bots/BotsPage"), "BotsPage"),
});

const newBot = createRoute({
  getParentRoute: () => shell,
  path: "/bots/new",
  validateSearch: readWizardSearch,
  component: lazyRouteComponent(() => import("../bots/wizard/WizardPage"), "WizardPage"),
});

const bot = createRoute({
  getParentRoute: () => shell,
  path: "/bots/$bot",
  component: lazyRouteComponent(() => import("../bots/BotPage"), "BotPage"),
});

const run = createRoute({
  getParentRoute: () => shell,
  path: "/bots/$bot/runs/$run",
  validateSearch: readRunSearch,
  component: lazyRouteComponent(() => import("../bots/run/RunPage"), "RunPage"),
});

const strategies = createRoute({
  getParentRoute: () => shell,
  path: "/strategies",
  component: lazyRouteComponent(() => import("../strategies/StrategiesPage"), "StrategiesPage"),
});

const strategy = createRoute({
  getParentRoute: () => shell,
  path: "/strategies/$spec",
  validateSearch: readStrategySearch,
  component: lazyRouteComponent(() => import("../strategies/StrategyPage"), "StrategyPage"),
});

export const router = createRouter({
  routeTree: root.addChildren([
    welcome,
    invite,
    reset,
    login,
    shell.addChildren([
      home,
      terminalHome,
      terminal,
      settings.addChildren([accounts, tokens, notificationSettings, security, profile, sessions, users, workspaces, audit, installation]),
      account,
      differences,
      notifications,
      alerts,
      backtests,
      backtest,
      bots,
      newBot,
      bot,
      run,
      strategies,
      strategy,
    ]),
  ]),
  defaultPreload: false,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
