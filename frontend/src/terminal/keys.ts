/**
 * Single-key shortcuts of the terminal, by physical key, so that they are the same on a Russian layout.
 *
 * None of them places an order by itself, and all are off while somebody types.
 */
import { useEffect, useRef, type RefObject } from "react";
import type { TicketHandle } from "../ticket/TicketPanel";
import { TIMEFRAMES, type Tab, type Timeframe } from "./search";

type Targets = {
  readonly ticket: RefObject<TicketHandle | null>;
  readonly onTab: (tab: Tab) => void;
  readonly onTimeframe: (timeframe: Timeframe) => void;
};

const TAB_KEYS: Readonly<Record<string, Tab>> = { KeyO: "orders", KeyI: "positions", KeyF: "fills", KeyL: "balances" };

export function useKeys(targets: Targets): void {
  const latest = useRef(targets);
  useEffect(() => {
    latest.current = targets;
  });
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const { ticket, onTab, onTimeframe } = latest.current;
      if ((event.ctrlKey || event.metaKey) && event.code === "Enter") {
        event.preventDefault();
        // Once for each press, and not behind a dialog that covers the ticket.
        const covered = event.target instanceof HTMLElement && event.target.closest("dialog") !== null;
        if (!event.repeat && !covered) ticket.current?.submit();
        return;
      }
      // A key that is held down is one press: a refused order must not be sent again by its repetitions.
      if (event.key === "Enter" && event.repeat && event.target instanceof HTMLElement && event.target.closest("form") !== null) {
        event.preventDefault();
      }
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      const timeframe = TIMEFRAMES[Number(event.code.replace(/^Digit/, "")) - 1];
      const tab = TAB_KEYS[event.code];
      const actions: Readonly<Record<string, (() => void) | undefined>> = {
        KeyB: () => ticket.current?.focusSide("Buy"),
        KeyS: () => ticket.current?.focusSide("Sell"),
        KeyP: () => ticket.current?.focusPrice(),
        KeyQ: () => ticket.current?.focusQuantity(),
      };
      const action = actions[event.code] ?? (tab === undefined ? undefined : () => onTab(tab)) ?? (timeframe === undefined ? undefined : () => onTimeframe(timeframe));
      if (action === undefined) return;
      event.preventDefault();
      action();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.matches("input, textarea, select") || target.isContentEditable || target.closest("dialog") !== null);
}
