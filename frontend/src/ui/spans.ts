/**
 * Where the rows of a long list lie, when each has a height of its own and only those in sight are measured.
 *
 * Pure: heights in, places out, in CSS pixels.
 */
export type Spans = { readonly tops: Float64Array; readonly total: number };

export function spansOf(keys: readonly (string | number)[], heights: ReadonlyMap<string | number, number>, estimate: number): Spans {
  const tops = new Float64Array(keys.length);
  let top = 0;
  keys.forEach((key, at) => {
    tops[at] = top;
    top += heights.get(key) ?? estimate;
  });
  return { tops, total: top };
}

/** The row at a height from the top: the last one that begins at it or above it. 0 of an empty list. */
export function rowAt({ tops }: Spans, y: number): number {
  let [low, high] = [0, tops.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((tops[middle] ?? 0) <= y) low = middle;
    else high = middle - 1;
  }
  return Math.max(0, low);
}

/** First and last row (both included) that are drawn for a window on the list, some more than are in sight. */
export function drawn(spans: Spans, scrollTop: number, height: number, more: number): readonly [first: number, last: number] {
  const first = Math.max(0, rowAt(spans, scrollTop) - more);
  const last = Math.min(spans.tops.length - 1, rowAt(spans, scrollTop + height) + more);
  return [first, last];
}
