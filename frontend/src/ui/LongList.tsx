/**
 * A list of as many rows as there are, of which only those in sight are drawn; new rows come at its end.
 *
 * Rows may be of any height, and change it when they are opened: whatever is above the window keeps its place under the
 * eye. At the end the list follows what comes; scrolled away from it, it stands still.
 */
import { useCallback, useEffect, useEffectEvent, useLayoutEffect, useMemo, useRef, useState, type ReactNode, type UIEvent } from "react";
import { drawn, rowAt, spansOf } from "./spans";

type Props<T> = {
  readonly label: string;
  readonly rows: readonly T[];
  readonly keyOf: (row: T) => number;
  readonly estimate: number;
  readonly testId: string;
  readonly rowTestId: string;
  /** Above the first row. */
  readonly head: ReactNode;
  readonly children: (row: T) => ReactNode;
  /** Whether the end is in sight, and so followed. */
  readonly onFollow: (follows: boolean) => void;
  readonly onTop: () => void;
  /** Raised each time that the end is to be shown. */
  readonly toEnd: number;
};

const MORE = 12;
const NEAR = 24;
const FIRST_HEIGHT = 480;

export function LongList<T>({ label, rows, keyOf, estimate, testId, rowTestId, head, children, onFollow, onTop, toEnd }: Props<T>) {
  const frame = useRef<HTMLDivElement>(null);
  const top = useRef<HTMLDivElement>(null);
  const [heights, setHeights] = useState<ReadonlyMap<number, number>>(new Map());
  const [view, setView] = useState({ top: 0, height: FIRST_HEIGHT });
  const follows = useRef(true);
  /** The row that is under the upper edge, and how far it is above it. */
  const anchor = useRef<{ key: number; offset: number } | null>(null);
  const keys = useMemo(() => rows.map(keyOf), [rows, keyOf]);
  const spans = useMemo(() => spansOf(keys, heights, estimate), [keys, heights, estimate]);
  const [first, last] = drawn(spans, view.top, view.height, MORE);

  const note = useCallback((): void => {
    const here = frame.current;
    if (here === null) return;
    const y = here.scrollTop - (top.current?.offsetHeight ?? 0);
    const at = rowAt(spans, Math.max(0, y));
    const key = keys[at];
    anchor.current = key === undefined ? null : { key, offset: y - (spans.tops[at] ?? 0) };
    setView((old) => (old.top === y && old.height === here.clientHeight ? old : { top: y, height: here.clientHeight }));
  }, [keys, spans]);

  // Rows came, went or changed their height: the end is followed, or what was under the eye stays there.
  useLayoutEffect(() => {
    const here = frame.current;
    if (here === null) return;
    if (follows.current) here.scrollTop = here.scrollHeight;
    else if (anchor.current !== null) {
      const at = indexOf(keys, anchor.current.key);
      if (at >= 0) here.scrollTop = (spans.tops[at] ?? 0) + anchor.current.offset + (top.current?.offsetHeight ?? 0);
    }
    note();
  }, [keys, spans, note]);

  const follow = useEffectEvent((): void => onFollow(true));
  useEffect(() => {
    const here = frame.current;
    if (here === null || toEnd === 0) return;
    follows.current = true;
    follow();
    here.scrollTop = here.scrollHeight;
  }, [toEnd]);

  useEffect(() => {
    const here = frame.current;
    if (here === null) return;
    const watcher = new ResizeObserver(() => {
      if (follows.current) here.scrollTop = here.scrollHeight;
      note();
    });
    watcher.observe(here);
    return () => watcher.disconnect();
  }, [note]);

  const onScroll = (event: UIEvent<HTMLDivElement>): void => {
    const here = event.currentTarget;
    const atEnd = here.scrollHeight - here.scrollTop - here.clientHeight <= NEAR;
    if (atEnd !== follows.current) {
      follows.current = atEnd;
      onFollow(atEnd);
    }
    note();
    if (here.scrollTop <= NEAR && !atEnd) onTop();
  };

  const measure = useCallback((key: number, height: number): void => {
    // Nothing is as high as nothing: the list is not shown just now, and all its rows would seem to fit into it.
    if (height === 0) return;
    setHeights((old) => (old.get(key) === height ? old : new Map(old).set(key, height)));
  }, []);

  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls, and a keyboard must reach it for that
    <div ref={frame} className="long-list" data-testid={testId} onScroll={onScroll} role="region" aria-label={label} tabIndex={0}>
      <div ref={top}>{head}</div>
      <div role="list" aria-label={label} style={{ height: spans.total, position: "relative" }}>
        {rows.slice(first, last + 1).map((row, at) => (
          <Place key={keys[first + at]} id={keys[first + at] ?? 0} top={spans.tops[first + at] ?? 0} position={first + at + 1} size={rows.length} testId={rowTestId} onHeight={measure}>
            {children(row)}
          </Place>
        ))}
      </div>
    </div>
  );
}

/** Keys are numbers in rising order. */
function indexOf(keys: readonly number[], key: number): number {
  let [low, high] = [0, keys.length - 1];
  while (low <= high) {
    const middle = (low + high) >> 1;
    const here = keys[middle] ?? 0;
    if (here === key) return middle;
    if (here < key) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

type PlaceProps = { id: number; top: number; position: number; size: number; testId: string; onHeight: (key: number, height: number) => void; children: ReactNode };

function Place({ id, top, position, size, testId, onHeight, children }: PlaceProps) {
  const row = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const here = row.current;
    if (here === null) return;
    const watcher = new ResizeObserver(() => onHeight(id, here.offsetHeight));
    watcher.observe(here);
    onHeight(id, here.offsetHeight);
    return () => watcher.disconnect();
  }, [id, onHeight]);
  return (
    <div ref={row} role="listitem" className="long-row" style={{ top }} aria-posinset={position} aria-setsize={size} data-testid={testId} data-key={id}>
      {children}
    </div>
  );
}
