/** The terminal: one instrument of one account, with chart, ticket and tables. */
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useCallback, useEffect, useMemo, useRef } from "react";
import type { Account, Balances, Category, Environment, Instrument, Order, Position } from "../api/types";
import { stream } from "../app/services";
import { accountsQuery, instrumentsQuery, sessionQuery, tickersQuery } from "../app/session";
import { BookPanel } from "../book/BookPanel";
import { ChartPanel } from "../chart/ChartPanel";
import type { ChartOrder } from "../chart/drawing";
import { signOf, stepped } from "../format/number";
import { useWords } from "../i18n/useWords";
import { ENVIRONMENT_WORD } from "../shell/Environment";
import { NotFound } from "../shell/NotFound";
import { barOf } from "../standing/bar";
import { marketKey, useAccount, useExchange, useLink, useQuote } from "../stream/hooks";
import { TablesPanel } from "../tables/TablesPanel";
import { TicketPanel, type TicketHandle } from "../ticket/TicketPanel";
import { Boundary } from "../ui/Boundary";
import { Failure } from "../ui/Failure";
import { Waiting } from "../ui/Waiting";
import { InstrumentBar } from "./InstrumentBar";
import { useKeys } from "./keys";
import { marketId } from "./markets";
import type { Tab, Timeframe } from "./search";

const ROUTE = "/shell/terminal/$account/$category/$symbol";

export function TerminalPage() {
  const { t } = useWords();
  const { account: accountId, category, symbol } = useParams({ from: ROUTE });
  const accounts = useQuery(accountsQuery);
  const known: Category | null = category === "linear" || category === "spot" ? category : null;
  const account = accounts.data?.find((each) => each.id === accountId);
  const instruments = useQuery({
    ...instrumentsQuery(account?.environment ?? "sim", known ?? "linear"),
    enabled: known !== null && account !== undefined,
    refetchInterval: retryWhileEmpty,
  });
  // The tables show rows of both kinds; without the other list their numbers only lose their steps.
  const others = useQuery({
    ...instrumentsQuery(account?.environment ?? "sim", known === "spot" ? "linear" : "spot"),
    enabled: known !== null && account !== undefined,
  });
  const instrument = instruments.data?.find((each) => each.symbol === symbol);

  if (known === null || (accounts.isSuccess && account === undefined)) return <NotFound />;
  if (instruments.isSuccess && instruments.data.length > 0 && instrument === undefined) return <NotFound />;
  // What is there stays readable: only a first read that failed takes the page's place.
  if ((accounts.isError && accounts.data === undefined) || (instruments.isError && instruments.data === undefined)) {
    const again = (): void => {
      void accounts.refetch();
      void instruments.refetch();
    };
    return (
      <main className="lone">
        <Failure what={t("terminal.instruments_failed")} error={accounts.error ?? instruments.error} onRetry={again} />
      </main>
    );
  }
  if (account === undefined || instrument === undefined || instruments.data === undefined) {
    return (
      <main className="lone">
        <Waiting rows={6} onRetry={() => void instruments.refetch()} />
      </main>
    );
  }
  return <Terminal key={account.id} account={account} instrument={instrument} instruments={[...instruments.data, ...(others.data ?? [])]} />;
}

function retryWhileEmpty(query: { state: { data?: readonly unknown[] | undefined } }): number | false {
  return query.state.data === undefined || query.state.data.length === 0 ? 2000 : false;
}

function Terminal({ account, instrument, instruments }: { account: Account; instrument: Instrument; instruments: readonly Instrument[] }) {
  const { t, language } = useWords();
  const search = useSearch({ from: ROUTE });
  const navigate = useNavigate({ from: ROUTE.replace("/shell", "") as "/terminal/$account/$category/$symbol" });
  const session = useQuery(sessionQuery).data;
  const tickers = useQuery(tickersQuery(account.environment, instrument.category)).data ?? [];
  const state = useAccount(account.id);
  const old = useOldPrices(account.environment);
  const link = useLink();
  const ticket = useRef<TicketHandle>(null);
  const timeframe: Timeframe = search.tf ?? "1m";
  const tab: Tab = search.tab ?? "orders";
  const data = state.phase === "live" || state.phase === "resyncing" ? state.data : null;
  const live = data?.account ?? account;
  const bar = barOf(session?.workspace?.role, live);
  const initialTicker = tickers.find((each) => each.symbol === instrument.symbol) ?? null;
  useTitle(instrument, live, initialTicker?.last_price ?? null);

  const setSearch = useCallback(
    (change: { tf?: Timeframe; tab?: Tab; scope?: "symbol" | "all" }) => {
      const { scope, ...rest } = change;
      void navigate({
        search: (before) => {
          const { scope: scopeBefore, ...others } = before;
          const next = scope === undefined ? scopeBefore : scope === "all" ? undefined : scope;
          return { ...others, ...rest, ...(next === undefined ? {} : { scope: next }) };
        },
        replace: true,
      });
    },
    [navigate],
  );
  const find = useCallback(
    (row: { category: string; symbol: string }) =>
      instruments.find((each) => each.symbol === row.symbol && each.category === row.category) ?? null,
    [instruments],
  );
  const held = useMemo(() => heldMarkets(data?.positions, data?.balances ?? null, instruments), [data?.positions, data?.balances, instruments]);
  const fillPrice = useCallback((price: string) => ticket.current?.usePrice(price), []);
  const orders = data?.orders;
  const lines = useMemo(
    () => chartOrders(orders === undefined ? [] : [...orders.values()], instrument, (order) => {
      const side = order.side === "Buy" ? t("ticket.buy") : t("ticket.sell");
      return t("terminal.order_line", { side, quantity: stepped(order.quantity, instrument.quantity_step, language) });
    }),
    [orders, instrument, t, language],
  );
  const ownOrders = useMemo(() => workingHere(orders === undefined ? [] : [...orders.values()], instrument), [orders, instrument]);
  const position = data === null ? null : ([...data.positions.values()].find((each) => each.symbol === instrument.symbol && each.category === instrument.category) ?? null);
  const unknownOrders = data === null ? [] : [...data.orders.values()].filter((order) => order.status === "unknown");
  useKeys({ ticket, onTab: (next) => setSearch({ tab: next }), onTimeframe: (tf) => setSearch({ tf }) });

  return (
    <main className="terminal" id="main">
      <h1 className="visually-hidden">
        {t("shell.terminal")}: {instrument.symbol}
      </h1>
      <InstrumentBar
        account={account.id}
        environment={account.environment}
        held={held}
        chosen={instrument}
        tickers={tickers}
        search={search}
        old={old}
        onPrice={fillPrice}
      />
      <Boundary>
        <ChartPanel
          key={`${instrument.category}:${instrument.symbol}`}
          environment={account.environment}
          instrument={instrument}
          timeframe={timeframe}
          onTimeframe={(tf) => setSearch({ tf })}
          orders={lines}
          onPrice={fillPrice}
          old={old !== null}
        />
      </Boundary>
      <Boundary>
        <BookPanel
          key={`book:${instrument.category}:${instrument.symbol}`}
          environment={account.environment}
          instrument={instrument}
          orders={ownOrders}
          old={old !== null}
          onPrice={fillPrice}
        />
      </Boundary>
      <Boundary>
        <TicketPanel
          key={`${account.id}:${instrument.category}:${instrument.symbol}`}
          account={live}
          instrument={instrument}
          initialTicker={initialTicker}
          position={position}
          balances={data?.balances ?? null}
          unknownOrders={unknownOrders}
          around={{
            link: link.state === "live" ? "up" : link.state === "reconnecting" ? "reconnecting" : "down",
            prices: old === null ? "fresh" : "old",
            oldSinceMs: old?.sinceMs ?? null,
            account: data === null || state.phase === "resyncing" ? "loading" : live.session.state === "ready" ? "ready" : "not_ready",
            bar,
          }}
          handle={ticket}
        />
      </Boundary>
      <Boundary>
        <TablesPanel
          accountId={account.id}
          state={state}
          category={instrument.category}
          symbol={instrument.symbol}
          tab={tab}
          scope={search.scope ?? "all"}
          find={find}
          oldPrices={old !== null}
          bar={bar}
          onTab={(next) => setSearch({ tab: next })}
          onScope={(scope) => setSearch({ scope })}
          onTicket={() => ticket.current?.focusQuantity()}
        />
      </Boundary>
    </main>
  );
}

/** Orders of this instrument that stand in the exchange's book, or may still. */
function workingHere(orders: readonly Order[], instrument: Instrument): Order[] {
  const working = new Set(["working", "partially_filled", "cancel_requested", "amend_requested"]);
  return orders.filter(
    (order) => working.has(order.status) && order.symbol === instrument.symbol && order.category === instrument.category && order.price !== null,
  );
}

function chartOrders(orders: readonly Order[], instrument: Instrument, title: (order: Order) => string): ChartOrder[] {
  return workingHere(orders, instrument).flatMap((order) =>
    order.price === null ? [] : [{ id: order.id, price: order.price, title: title(order), side: order.side }],
  );
}

/** Contracts with an open position, and spot pairs whose coin is there. */
function heldMarkets(
  positions: ReadonlyMap<string, Position> | undefined,
  balances: Balances | null,
  instruments: readonly Instrument[],
): ReadonlySet<string> {
  const open = [...(positions?.values() ?? [])].filter((each) => signOf(each.size) !== 0).map(marketId);
  const coins = new Set((balances?.coins ?? []).filter((each) => signOf(each.wallet_balance) > 0).map((each) => each.coin));
  const pairs = instruments.filter((each) => each.category === "spot" && coins.has(each.base_coin)).map(marketId);
  return new Set([...open, ...pairs]);
}

/** Since when prices can no longer be trusted, or null: the browser's link or the server's link to the exchange is silent. */
function useOldPrices(environment: Environment): { readonly sinceMs: number } | null {
  const link = useLink();
  const exchange = useExchange(environment);
  return useMemo(() => {
    if (link.state === "reconnecting" || link.state === "disconnected" || link.state === "signed_out") return { sinceMs: stream.connection.lastFrameAtMs.get() ?? link.sinceMs };
    if (exchange.state === "stale" || exchange.state === "down") {
      return { sinceMs: exchange.sinceMs - (exchange.health.last_frame_age_ms ?? 0) };
    }
    return null;
  }, [link, exchange]);
}

function useTitle(instrument: Instrument, account: Account, initial: string | null): void {
  const { t, language } = useWords();
  const quote = useQuote(marketKey(account.environment, instrument));
  const price = stepped(quote?.ticker.last_price ?? initial, instrument.tick_size, language);
  const environment = ENVIRONMENT_WORD[account.environment];
  useEffect(() => {
    document.title = `${instrument.symbol} ${price} · ${environment}`;
    return () => {
      document.title = t("common.product");
    };
  }, [instrument.symbol, price, environment, t]);
}
