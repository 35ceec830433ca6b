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
import { LoginPage } from "../auth/LoginPage";
import { readLoginSearch } from "../auth/next";
import { StepUpHost } from "../auth/stepUp";
import { WelcomePage } from "../auth/WelcomePage";
import { HomePage } from "../shell/HomePage";
import { NotFound, PageFailure } from "../shell/NotFound";
import { Shell } from "../shell/Shell";
import { LiveRegions, Toasts } from "../shell/Toasts";
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

const accounts = createRoute({
  getParentRoute: () => shell,
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
  getParentRoute: () => shell,
  path: "/settings/tokens",
  component: lazyRouteComponent(() => import("../settings/TokensPage"), "TokensPage"),
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

export const router = createRouter({
  routeTree: root.addChildren([welcome, login, shell.addChildren([home, terminalHome, terminal, accounts, account, differences, tokens, backtests, backtest])]),
  defaultPreload: false,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
