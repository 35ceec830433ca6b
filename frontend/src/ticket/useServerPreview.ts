/**
 * The server's preview of what stands in the ticket: asked 250 ms after the last edit, then again as the market moves.
 *
 * Lives here: when to ask, and that an answer counts only for the fields that it was asked of. An answer that is out of
 * date is not waited for. Not here: what is asked (`intents`), how it is shown (`Preview`).
 */
import { useEffect, useRef, useState } from "react";
import { previewOrder } from "../api/calls";
import type { Preview, PreviewBody } from "../api/types";
import type { TicketFields } from "./fields";

export const ASK_AFTER_MS = 250;
const AGAIN_MS = 3_000;
const AFTER_FAILURE_MS = 10_000;

export type ServerPreview = {
  readonly preview: Preview;
  /** Counts the answers to one state of the fields: the first one may differ visibly from the page's own. */
  readonly first: boolean;
};

/** `body` is what would be asked now, or null when there is nothing to ask; it may move with the market, `fields` do not. */
export function useServerPreview(accountId: string, symbol: string, fields: TicketFields, body: PreviewBody | null, enabled: boolean): ServerPreview | null {
  // The fields' identity is the person's last edit; a re-render with the same fields keeps the answer.
  const [answer, setAnswer] = useState<{ of: TicketFields; preview: Preview; first: boolean } | null>(null);
  const latest = useRef(body);
  useEffect(() => {
    latest.current = body;
  });
  const asks = enabled && body !== null;
  useEffect(() => {
    if (!asks) return;
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout>;
    let first = true;
    const ask = async (): Promise<void> => {
      let next = AGAIN_MS;
      const question = latest.current;
      if (question !== null) {
        try {
          const preview = await previewOrder(accountId, question, stop.signal);
          if (stop.signal.aborted) return;
          setAnswer({ of: fields, preview, first });
          first = false;
        } catch {
          // The page's own numbers stay, marked as such; the link's indicator tells of the trouble.
          if (stop.signal.aborted) return;
          setAnswer(null);
          next = AFTER_FAILURE_MS;
        }
      }
      timer = setTimeout(() => void ask(), next);
    };
    timer = setTimeout(() => void ask(), ASK_AFTER_MS);
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [accountId, symbol, fields, asks]);
  return answer !== null && answer.of === fields && asks ? { preview: answer.preview, first: answer.first } : null;
}
