/**
 * Changing a symbol's leverage: one intent, told as done only when the exchange's own word has been read back.
 *
 * Lives here: the calls and the states between them. A lost answer is asked for by the same id, never sent as another.
 */
import { useEffect, useRef, useState } from "react";
import Big from "big.js";
import { postIntent, readIntent } from "../api/calls";
import { Refused } from "../api/errors";
import { newIntentId } from "../api/intent";
import type { Account, Instrument, IntentAnswer, LeverageIntent, Reason } from "../api/types";
import { queries } from "../app/services";
import { symbolQuery } from "./useFacts";

export type LeverageState =
  | { readonly kind: "editing" }
  | { readonly kind: "sending"; readonly body: LeverageIntent }
  /** Accepted, or its fate unknown: asked for until it is known. */
  | { readonly kind: "waiting"; readonly body: LeverageIntent; readonly unknown: boolean }
  | { readonly kind: "done"; readonly leverage: string }
  | { readonly kind: "turned_down"; readonly reason: Reason | null }
  | { readonly kind: "failed"; readonly error: unknown };

const ASK_EVERY_MS = 1_000;

export function useLeverage(account: Account, instrument: Instrument): { readonly state: LeverageState; readonly set: (leverage: string) => void } {
  const [state, setState] = useState<LeverageState>({ kind: "editing" });
  const accountId = account.id;
  const { category, symbol } = instrument;
  const alive = useRef(true);
  useEffect(() => {
    alive.current = true;
    return () => {
      alive.current = false;
    };
  }, []);

  const show = (next: LeverageState): void => {
    if (alive.current) setState(next);
  };

  const hear = async (body: LeverageIntent, answer: IntentAnswer): Promise<void> => {
    switch (answer.status) {
      case "refused":
      case "rejected":
      case "not_sent":
      case "not_placed":
        return show({ kind: "turned_down", reason: answer.reason });
      default: {
        const known = await queries.fetchQuery({ ...symbolQuery(accountId, { category, symbol }), staleTime: 0 }).catch(() => null);
        const read = answer.position?.leverage ?? known?.leverage ?? null;
        if (read !== null && new Big(read).eq(body.leverage)) return show({ kind: "done", leverage: read });
        return show({ kind: "waiting", body, unknown: answer.status === "unknown" || answer.status === "sending" });
      }
    }
  };

  const send = async (body: LeverageIntent): Promise<void> => {
    show({ kind: "sending", body });
    try {
      await hear(body, await postIntent(accountId, body));
    } catch (error) {
      if (error instanceof Refused && error.problem.status < 500) {
        return show({ kind: "failed", error });
      }
      return show({ kind: "waiting", body, unknown: true });
    }
  };

  const ask = useRef((_body: LeverageIntent): Promise<void> => Promise.resolve());
  useEffect(() => {
    ask.current = async (body) => {
      try {
        await hear(body, await readIntent(accountId, body.id));
      } catch (error) {
        // Not seen: the request may never have arrived. The same id asks for the same thing.
        if (error instanceof Refused && error.problem.status === 404) await send(body);
      }
    };
  });
  useEffect(() => {
    if (state.kind !== "waiting") return;
    const timer = setInterval(() => void ask.current(state.body), ASK_EVERY_MS);
    return () => clearInterval(timer);
  }, [state]);

  return {
    state,
    set: (leverage) => {
      if (state.kind === "sending" || state.kind === "waiting" || category !== "linear") return;
      void send({ id: newIntentId(), kind: "leverage", category, symbol, leverage });
    },
  };
}
