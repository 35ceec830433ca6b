/**
 * A table that is a table for readers and screen readers, and a stack of cards on a phone.
 *
 * Roles are written out because cards change how rows are displayed, and browsers then forget what they are.
 * Long lists show fifty rows and a button: what is not shown costs nothing. A head that can sort is a button.
 */
import { useLayoutEffect, useRef, useState, type ReactNode } from "react";
import { useWords } from "../i18n/useWords";
import { useSignal } from "../stream/hooks";
import { Dialog } from "../ui/Dialog";
import { Icon } from "../ui/Icon";
import { hiddenColumns, setColumn, tableSortings, turnSorting, type Sorting } from "./choices";

export type SortValue = string | number | null;

export type Column<T> = {
  readonly key: string;
  readonly head: string;
  readonly numeric?: boolean;
  /** One of the key figures that a card always shows; the others once they are asked for. */
  readonly wide?: boolean;
  /** It can be put away. The name of a thing and its buttons cannot. */
  readonly optional?: boolean;
  /** What rows are ordered by; without it the column does not sort. Numbers for the eye only. */
  readonly sort?: (row: T) => SortValue;
  readonly cell: (row: T) => ReactNode;
};

type Props<T> = {
  readonly name: string;
  readonly label: string;
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  readonly keyOf: (row: T) => string;
  readonly rowTestId: string;
  readonly rowData?: (row: T) => Readonly<Record<`data-${string}`, string>>;
  readonly onOlder?: (() => void) | undefined;
  readonly olderPending?: boolean;
};

const ROWS_SHOWN = 50;

export function DataTable<T>(props: Props<T>) {
  const { name, keyOf, rowTestId, rowData } = props;
  const { t } = useWords();
  const [limit, setLimit] = useState(ROWS_SHOWN);
  const [choosing, setChoosing] = useState(false);
  const hidden = useSignal(hiddenColumns)[name] ?? [];
  const sorting = useSignal(tableSortings)[name] ?? null;
  const columns = props.columns.filter((column) => !(column.optional === true && hidden.includes(column.key)));
  const rows = sorted(props.rows, columns, sorting); // not by a column that is put away
  const shown = rows.slice(0, limit);
  const more = rows.length > limit;
  // The column of buttons stays in sight while the others scroll, so the chooser stands in its head where there is one.
  const hasActions = columns.some((column) => column.key === "actions");
  const chooser = (
    <button
      type="button"
      className="icon-button small"
      aria-label={t("tables.columns")}
      aria-haspopup="dialog"
      title={t("tables.columns")}
      data-testid="columns-open"
      onClick={() => setChoosing(true)}
    >
      <Icon name="table" />
    </button>
  );
  return (
    <div className="table-scroll">
      <table className="table cards" role="table" aria-label={props.label} aria-rowcount={rows.length + 1}>
        <thead role="rowgroup">
          <tr role="row">
            {columns.map((column) => (
              <th
                key={column.key}
                role="columnheader"
                scope="col"
                data-column={column.key}
                aria-sort={sorting?.key !== column.key ? undefined : sorting.descending ? "descending" : "ascending"}
                className={column.numeric ? "number" : ""}
              >
                {column.sort === undefined ? (
                  <>
                    {column.head}
                    {column.key === "actions" && <span className="choose-in-head">{chooser}</span>}
                  </>
                ) : (
                  <button type="button" className="sort-button" data-testid={`sort-${column.key}`} onClick={() => turnSorting(name, column.key)}>
                    {column.head}
                    <span aria-hidden="true">{sorting?.key === column.key ? (sorting.descending ? " ▾" : " ▴") : ""}</span>
                  </button>
                )}
              </th>
            ))}
            {!hasActions && <td className="choose-head">{chooser}</td>}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {shown.map((row, index) => (
            <Row key={keyOf(row)} index={index + 2} testId={rowTestId} data={rowData?.(row)} hasMore={columns.some(isMore)}>
              {columns.map((column) => (
                <td
                  key={column.key}
                  role="cell"
                  data-label={column.head}
                  data-column={column.key}
                  className={`${column.numeric ? "number" : ""} ${column.wide ? "wide" : ""}`}
                >
                  {column.cell(row)}
                </td>
              ))}
              {!hasActions && <td role="cell" className="choose-head" aria-hidden="true" />}
            </Row>
          ))}
        </tbody>
      </table>
      {(more || props.onOlder !== undefined) && (
        <button
          type="button"
          className="button small table-more"
          disabled={props.olderPending}
          onClick={() => {
            setLimit(limit + ROWS_SHOWN);
            if (!more || rows.length <= limit + ROWS_SHOWN) props.onOlder?.();
          }}
        >
          {props.olderPending ? t("common.loading") : t("common.load_more")}
        </button>
      )}
      {choosing && (
        <Dialog title={t("tables.columns_of", { table: props.label })} testId="columns-dialog" onClose={() => setChoosing(false)}>
          {() => (
            <div className="stack tight">
              {props.columns
                .filter((column) => column.optional === true)
                .map((column) => (
                  <label key={column.key} className="tick">
                    <input
                      type="checkbox"
                      checked={!hidden.includes(column.key)}
                      data-testid={`column-${column.key}`}
                      onChange={(event) => setColumn(name, column.key, event.target.checked)}
                    />
                    {column.head}
                  </label>
                ))}
            </div>
          )}
        </Dialog>
      )}
    </div>
  );
}

/** What a card shows only when it is asked for. */
function isMore<T>(column: Column<T>): boolean {
  return column.wide !== true && column.key !== "actions";
}

/** A row that leaves with the focus in it hands it to the table: it is never lost in nowhere. */
function Row(props: { index: number; testId: string; data: Readonly<Record<`data-${string}`, string>> | undefined; hasMore: boolean; children: ReactNode }) {
  const { t } = useWords();
  const [open, setOpen] = useState(false);
  const row = useRef<HTMLTableRowElement>(null);
  useLayoutEffect(() => {
    const here = row.current;
    return () => {
      if (here?.contains(document.activeElement) !== true) return;
      queueMicrotask(() => !here.isConnected && document.getElementById("orders")?.focus());
    };
  }, []);
  return (
    <tr ref={row} role="row" aria-rowindex={props.index} className={open ? "open" : ""} data-testid={props.testId} {...props.data}>
      {props.children}
      {props.hasMore && (
        <td role="cell" className="card-more">
          <button type="button" className="link-button" aria-expanded={open} data-testid="row-more" onClick={() => setOpen(!open)}>
            {open ? t("tables.less") : t("tables.more")}
          </button>
        </td>
      )}
    </tr>
  );
}

export function sorted<T>(rows: readonly T[], columns: readonly Column<T>[], sorting: Sorting | null): readonly T[] {
  const by = sorting === null ? undefined : columns.find((column) => column.key === sorting.key)?.sort;
  if (sorting === null || by === undefined) return rows;
  const direction = sorting.descending ? -1 : 1;
  return [...rows].sort((a, b) => {
    const [left, right] = [by(a), by(b)];
    // What is not known stands last in either direction.
    if (left === null || right === null) return (left === null ? 1 : 0) - (right === null ? 1 : 0);
    if (typeof left === "number" && typeof right === "number") return direction * (left - right);
    return direction * String(left).localeCompare(String(right));
  });
}

/** For sorting by what is shown: a decimal as a number, unknown as null. */
export function numeric(value: string | null | undefined): number | null {
  return value == null || value === "" ? null : Number(value);
}
