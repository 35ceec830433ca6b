/** Orders, positions, fills, history and balances of one account, each with every state that data can be in. */
import { useInfiniteQuery, useMutation } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useState, type KeyboardEvent, type ReactNode } from "react";
import { readFills, readOrders } from "../api/calls";
import { postReconcile, readTable } from "../api/trading";
import { useStepUp } from "../auth/stepUp";
import type { Category, Fill, Order } from "../api/types";
import { notices, stream } from "../app/services";
import { signOf } from "../format/number";
import { age } from "../format/time";
import { useWords } from "../i18n/useWords";
import { accountName, failureText, faultText, problemText } from "../i18n/words";
import type { Bar } from "../standing/bar";
import { isCancellable, isTerminal } from "../status/table";
import type { AccountData, AccountState } from "../stream/account";
import { useLink, useNow, useSignal } from "../stream/hooks";
import { TABS, type Tab } from "../terminal/search";
import { Failure, FailureBox } from "../ui/Failure";
import { Icon } from "../ui/Icon";
import { Segments } from "../ui/Segments";
import { Waiting } from "../ui/Waiting";
import { CancelAll } from "./actions/Confirm";
import { BalancesTable, FillsTable, PositionsTable } from "./MoneyTables";
import { OrdersTable, type FindInstrument } from "./OrdersTable";
import { useCancel, type Cancelling } from "./useCancel";
import { save } from "./saving";

type Props = {
  readonly accountId: string;
  readonly state: AccountState;
  readonly category: Category;
  readonly symbol: string;
  readonly tab: Tab;
  readonly scope: "symbol" | "all";
  readonly find: FindInstrument;
  readonly oldPrices: boolean;
  readonly bar: Bar | null;
  readonly onTab: (tab: Tab) => void;
  readonly onScope: (scope: "symbol" | "all") => void;
  readonly onTicket: () => void;
};

/** How long an order that ended stays among the living, so that its last word can be read. */
const LINGER_MS = 8_000;

export function TablesPanel(props: Props) {
  const { t } = useWords();
  const { state, tab } = props;
  const data = state.phase === "live" || state.phase === "resyncing" ? state.data : null;
  const counts: Readonly<Record<Tab, number | null>> = {
    orders: data === null ? null : [...data.orders.values()].filter((order) => !isTerminal(order.status)).length,
    positions: data === null ? null : openPositions(data).length,
    fills: null,
    history: null,
    balances: null,
  };
  return (
    <section className="panel tables-panel" id="orders" tabIndex={-1} aria-label={t("tables.region")}>
      <div className="tabs-row">
        <Tabs tab={tab} counts={counts} onTab={props.onTab} />
        <span className="spacer" />
        <Tools {...props} data={data} />
        {tab !== "balances" && (
          <Segments
            label={t("tables.scope")}
            className="scope"
            value={props.scope}
            options={[
              { value: "all", label: t("tables.scope_all") },
              { value: "symbol", label: t("tables.scope_symbol") },
            ]}
            onChange={props.onScope}
          />
        )}
      </div>
      <div role="tabpanel" id={`panel-${tab}`} aria-labelledby={`tab-${tab}`} className="tab-panel">
        <Content {...props} data={data} />
      </div>
    </section>
  );
}

const EXPORTED: Readonly<Record<Tab, "orders" | "fills" | "positions" | "balances">> = {
  orders: "orders",
  history: "orders",
  positions: "positions",
  fills: "fills",
  balances: "balances",
};

/** What concerns a whole table: cancel everything in it, read it again from the exchange, take it along as CSV. */
function Tools(props: Props & { data: AccountData | null }) {
  const { t, language } = useWords();
  const { data, tab, scope } = props;
  const link = useLink();
  const [cancelling, setCancelling] = useState(false);
  const reading = useMutation({
    mutationFn: () => postReconcile(props.accountId),
    onSuccess: ({ done }) => notices.speak(done ? t("tables.read_again_done") : t("tables.read_again_later")),
    onError: (error) =>
      notices.show({ id: "reconcile", tone: "bad", title: t("tables.read_again_failed"), text: failureText(t, error, language).text, lastsMs: null }),
  });
  const withProof = useStepUp();
  const exporting = useMutation({
    mutationFn: () => withProof(() => readTable(props.accountId, EXPORTED[tab])),
    onSuccess: ({ file, name }) => {
      save(file, name);
      notices.speak(t("tables.exported", { name }));
    },
    onError: (error) =>
      notices.show({ id: "export", tone: "bad", title: t("tables.export_failed"), text: failureText(t, error, language).text, lastsMs: null }),
  });
  const only = scope === "symbol" ? { category: props.category, symbol: props.symbol } : null;
  // Exits that the exchange made for a position stay: cancelling all must not strip it of its stop.
  const live = [...(data?.orders.values() ?? [])].filter(
    (order) => order.source !== "attached" && isCancellable(order.status) && (only === null || (order.symbol === only.symbol && order.category === only.category)),
  );
  const reachable = link.state !== "disconnected";
  return (
    <span className="table-tools">
      {tab === "orders" && (
        <button
          type="button"
          className="button small"
          data-testid="cancel-all"
          aria-haspopup="dialog"
          disabled={live.length === 0 || props.bar !== null || !reachable}
          title={props.bar === null ? undefined : t(`ticket.block_${props.bar}`)}
          onClick={() => setCancelling(true)}
        >
          {t("actions.cancel_all")}
        </button>
      )}
      <button
        type="button"
        className="icon-button small"
        data-testid="read-again"
        aria-label={t("tables.read_again")}
        title={t("tables.read_again")}
        disabled={props.bar === "viewer" || !reachable || reading.isPending}
        onClick={() => reading.mutate()}
      >
        <Icon name="refresh" className={reading.isPending ? "spinning" : ""} />
      </button>
      <button
        type="button"
        className="button small"
        data-testid="export"
        title={t("tables.export_hint")}
        aria-disabled={exporting.isPending}
        onClick={() => !exporting.isPending && exporting.mutate()}
      >
        {exporting.isPending ? t("tables.exporting") : t("tables.export")}
      </button>
      {cancelling && <CancelAll accountId={props.accountId} orders={live} only={only} find={props.find} onClose={() => setCancelling(false)} />}
    </span>
  );
}

function Tabs({ tab, counts, onTab }: { tab: Tab; counts: Readonly<Record<Tab, number | null>>; onTab: (tab: Tab) => void }) {
  const { t } = useWords();
  const list = useRef<HTMLDivElement>(null);
  const onKeyDown = (event: KeyboardEvent): void => {
    const at = TABS.indexOf(tab);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: TABS.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = TABS[(to + TABS.length) % TABS.length];
    if (next === undefined) return;
    onTab(next);
    list.current?.querySelector<HTMLButtonElement>(`#tab-${next}`)?.focus();
  };
  return (
    <div ref={list} role="tablist" aria-label={t("tables.region")} className="tabs" onKeyDown={onKeyDown}>
      {TABS.map((each) => (
        <button
          key={each}
          type="button"
          role="tab"
          id={`tab-${each}`}
          aria-selected={each === tab}
          aria-controls={`panel-${each}`}
          tabIndex={each === tab ? 0 : -1}
          data-testid={`tab-${each}`}
          onClick={() => onTab(each)}
        >
          {t(`tables.${each}`)}
          {counts[each] !== null && counts[each] > 0 && <span className="count">{counts[each]}</span>}
        </button>
      ))}
    </div>
  );
}

function openPositions(data: AccountData): AccountData["positions"] extends ReadonlyMap<string, infer P> ? P[] : never {
  return [...data.positions.values()].filter((position) => signOf(position.size) !== 0);
}

function Content(props: Props & { data: AccountData | null }) {
  const { t, language } = useWords();
  const { data, state } = props;
  const link = useLink();
  const cancelling = useCancel(props.accountId);
  if (data === null) {
    if (state.phase === "failed") {
      const again = (): void => stream.connection.resubscribe(`account:${props.accountId}`);
      return <FailureBox what={t("tables.failed")} why={problemText(t, state.code, {}, language)} code={state.code} onRetry={again} />;
    }
    if (link.state === "reconnecting" || link.state === "disconnected") {
      const again = (): void => stream.connection.retryNow();
      return <FailureBox what={t("tables.failed")} why={t("problems.network")} code={`link.${link.reason}`} onRetry={again} />;
    }
    return <Waiting rows={4} onRetry={() => stream.connection.resubscribe(`account:${props.accountId}`)} />;
  }
  const old = link.state === "reconnecting" || link.state === "disconnected";
  return (
    <>
      <Condition data={data} state={state} old={old} bar={props.bar} />
      <div className={old || state.phase === "resyncing" ? "old" : ""} aria-busy={state.phase === "resyncing"}>
        <Table {...props} data={data} cancelling={cancelling} cancelBlock={cancelBlock()} openBlock={openBlock()} />
      </div>
    </>
  );

  /** Cancelling goes over HTTP and stays possible while the stream is being made anew, but not when all is lost. */
  function cancelBlock(): string | null {
    if (props.bar !== null) return t(`ticket.block_${props.bar}`);
    if (link.state === "disconnected") return t("links.disconnected");
    return state.phase === "resyncing" ? t("tables.resyncing") : null;
  }

  /** What opens waits for a whole link and a ready account, as in the ticket. */
  function openBlock(): string | null {
    const block = cancelBlock();
    if (block !== null || data === null) return block;
    if (link.state !== "live") return t("links.reconnecting_now", { attempt: 1 });
    const { account } = data;
    if (account.session.state === "ready") return null;
    return t("ticket.block_account", { account: accountName(t, account), state: t(`links.session.${account.session.state}`) });
  }
}

function Condition({ data, state, old, bar }: { data: AccountData; state: AccountState; old: boolean; bar: Bar | null }) {
  const { t, language } = useWords();
  const now = useNow();
  const last = useSignal(stream.connection.lastFrameAtMs);
  const notes: ReactNode[] = [];
  if (old && last !== null) notes.push(<span key="old">{t("tables.stale", { age: age(now - last, language) })}</span>);
  if (state.phase === "resyncing") notes.push(<span key="sync">{t("tables.resyncing")}</span>);
  const { account } = data;
  if (account.session.state !== "ready") {
    const words = { account: accountName(t, account), state: t(`links.session.${account.session.state}`) };
    notes.push(<span key="account">{t("tables.not_ready", words)}</span>);
    if (account.session.reason !== null) notes.push(<span key="reason">{faultText(t, account.session.reason, language)}</span>);
  }
  if (bar !== null) notes.push(<span key="bar">{t(`ticket.block_${bar}`)}</span>);
  if (notes.length === 0) return null;
  return (
    <p className="condition" role="status">
      <Icon name="clock" /> {notes}
    </p>
  );
}

function Table(props: Props & { data: AccountData; cancelling: Cancelling; cancelBlock: string | null; openBlock: string | null }) {
  const { t } = useWords();
  const { data, tab, find } = props;
  const inScope = (row: Row): boolean => props.scope === "all" || (row.symbol === props.symbol && row.category === props.category);
  const label = t(`tables.${tab}`);
  switch (tab) {
    case "orders":
      return <LiveOrders {...props} label={label} inScope={inScope} />;
    case "history":
      return <OrderHistory {...props} label={label} inScope={inScope} />;
    case "fills":
      return <AllFills {...props} label={label} inScope={inScope} />;
    case "positions": {
      const positions = openPositions(data).filter(inScope);
      if (positions.length === 0) return <Empty text={t("tables.empty_positions")} {...props} />;
      return (
        <PositionsTable
          label={label}
          environment={data.account.environment}
          marginMode={data.account.margin_mode}
          positions={positions}
          find={find}
          oldPrices={props.oldPrices}
          openBlock={props.openBlock}
          reduceBlock={props.cancelBlock}
        />
      );
    }
    case "balances": {
      const coins = data.balances?.coins ?? [];
      if (coins.length === 0) return <Empty text={t("tables.empty_balances")} {...props} scope="all" />;
      return <BalancesTable label={label} coins={coins} />;
    }
    default:
      return unheard(tab);
  }
}

function unheard(_tab: never): null {
  return null;
}

function Empty({ text, scope, onScope, onTicket }: { text: string } & Pick<Props, "scope" | "onScope" | "onTicket">) {
  const { t } = useWords();
  return (
    <div className="empty">
      <p>{text}</p>
      {scope === "symbol" ? (
        <button type="button" className="button small" onClick={() => onScope("all")}>
          {t("tables.all_symbols")}
        </button>
      ) : (
        <button type="button" className="button small" onClick={onTicket}>
          {t("tables.to_ticket")}
        </button>
      )}
    </div>
  );
}

type Row = { readonly category: Category; readonly symbol: string };

type ListProps = Props & {
  readonly data: AccountData;
  readonly label: string;
  readonly inScope: (row: Row) => boolean;
  readonly cancelling: Cancelling;
  readonly cancelBlock: string | null;
  readonly openBlock: string | null;
};

const newestFirst = (a: Order, b: Order): number => b.created_ms - a.created_ms;

function LiveOrders(props: ListProps) {
  const { t } = useWords();
  const { data, inScope } = props;
  const lingering = useLingering(data.orders);
  const orders = [...data.orders.values()]
    .filter((order) => (!isTerminal(order.status) || lingering.has(order.id)) && inScope(order))
    .sort(newestFirst);
  if (orders.length === 0) return <Empty text={t("tables.empty_orders")} {...props} />;
  return (
    <OrdersTable
      name="orders"
      label={props.label}
      orders={orders}
      find={props.find}
      cancelling={props.cancelling}
      cancelBlock={props.cancelBlock}
      amendBlock={props.openBlock}
    />
  );
}

type Lingering = {
  readonly orders: ReadonlyMap<string, Order>;
  readonly alive: ReadonlySet<string>;
  readonly ended: ReadonlySet<string>;
  /** Those of `ended` that the latest change has added. */
  readonly fresh: readonly string[];
};

function followed(before: Lingering | null, orders: ReadonlyMap<string, Order>): Lingering {
  const alive = new Set([...orders.values()].filter((order) => !isTerminal(order.status)).map((order) => order.id));
  if (before === null) return { orders, alive, ended: new Set(), fresh: [] };
  const fresh = [...before.alive].filter((id) => orders.has(id) && !alive.has(id));
  if (fresh.length === 0) return { ...before, orders, alive };
  return { orders, alive, ended: new Set([...before.ended, ...fresh]), fresh };
}

/**
 * Orders that were alive a moment ago in front of this reader's eyes. Found while rendering and not after it: a row that
 * left for one frame would flicker and drop the focus.
 */
function useLingering(orders: ReadonlyMap<string, Order>): ReadonlySet<string> {
  const [known, setKnown] = useState(() => followed(null, orders));
  const now = known.orders === orders ? known : followed(known, orders);
  if (now !== known) setKnown(now);
  const { fresh } = now;
  useEffect(() => {
    if (fresh.length === 0) return;
    setTimeout(() => setKnown((later) => ({ ...later, ended: new Set([...later.ended].filter((id) => !fresh.includes(id))) })), LINGER_MS);
  }, [fresh]);
  return now.ended;
}

/** What the stream knows and what older pages say, each row once; the stream's word is the newer one. */
function joined<T extends { id: string }>(streamed: readonly T[], pages: readonly (readonly T[])[]): T[] {
  const rows = new Map<string, T>();
  for (const row of pages.flat()) rows.set(row.id, row);
  for (const row of streamed) rows.set(row.id, row);
  return [...rows.values()];
}

function OrderHistory(props: ListProps) {
  const { t } = useWords();
  const pages = useInfiniteQuery({
    queryKey: ["orders", props.accountId],
    queryFn: ({ pageParam }) => readOrders(props.accountId, pageParam),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
  });
  const orders = useMemo(
    () =>
      joined([...props.data.orders.values()], pages.data?.pages.map((page) => page.rows) ?? [])
        .filter((order) => isTerminal(order.status))
        .sort(newestFirst),
    [props.data.orders, pages.data],
  ).filter(props.inScope);
  if (pages.isPending && orders.length === 0) return <Waiting rows={4} onRetry={() => void pages.refetch()} />;
  return (
    <>
      {pages.isError && <Failure what={t("tables.failed")} error={pages.error} onRetry={() => void pages.refetch()} />}
      {orders.length === 0 && !pages.isError ? (
        <Empty text={t("tables.empty_history")} {...props} />
      ) : (
        <OrdersTable
          name="history"
          label={props.label}
          orders={orders}
          find={props.find}
          cancelling={null}
          cancelBlock={null}
          amendBlock={null}
          onOlder={pages.hasNextPage ? () => void pages.fetchNextPage() : undefined}
          olderPending={pages.isFetchingNextPage}
        />
      )}
    </>
  );
}

function AllFills(props: ListProps) {
  const { t } = useWords();
  const pages = useInfiniteQuery({
    queryKey: ["fills", props.accountId],
    queryFn: ({ pageParam }) => readFills(props.accountId, pageParam),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
  });
  const fills = useMemo(
    () =>
      joined<Fill>(props.data.fills, pages.data?.pages.map((page) => page.rows) ?? []).sort((a, b) => b.time_ms - a.time_ms),
    [props.data.fills, pages.data],
  ).filter(props.inScope);
  return (
    <>
      {pages.isError && <Failure what={t("tables.failed")} error={pages.error} onRetry={() => void pages.refetch()} />}
      {fills.length === 0 && !pages.isError ? (
        <Empty text={t("tables.empty_fills")} {...props} />
      ) : (
        <FillsTable
          label={props.label}
          fills={fills}
          find={props.find}
          onOlder={pages.hasNextPage ? () => void pages.fetchNextPage() : undefined}
          olderPending={pages.isFetchingNextPage}
        />
      )}
    </>
  );
}
