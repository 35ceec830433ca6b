/**
 * A table that is a table for readers and screen readers, and a stack of cards on a phone.
 *
 * Roles are written out because cards change how rows are displayed, and browsers then forget what they are.
 * Long lists show fifty rows and a button: what is not shown costs nothing.
 */
import { useState, type ReactNode } from "react";
import { useWords } from "../i18n/useWords";

export type Column<T> = {
  readonly key: string;
  readonly head: string;
  readonly numeric?: boolean;
  /** One of the key figures that a card shows in its first lines. */
  readonly wide?: boolean;
  readonly cell: (row: T) => ReactNode;
};

type Props<T> = {
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
  const { columns, rows, keyOf, rowTestId, rowData } = props;
  const { t } = useWords();
  const [limit, setLimit] = useState(ROWS_SHOWN);
  const shown = rows.slice(0, limit);
  const more = rows.length > limit;
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
                className={column.numeric ? "number" : ""}
              >
                {column.head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {shown.map((row, index) => (
            <tr key={keyOf(row)} role="row" aria-rowindex={index + 2} data-testid={rowTestId} {...rowData?.(row)}>
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
            </tr>
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
    </div>
  );
}
