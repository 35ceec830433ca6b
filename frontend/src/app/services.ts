/** The page's one set of parts: query cache, stream, notices, the question who is there. Built here, used through hooks. */
import { QueryClient } from "@tanstack/react-query";
import { NoAnswer } from "../api/errors";
import { StepUps } from "../auth/step_ups";
import { Runs } from "../stream/runs";
import { Signal } from "../stream/signal";
import { StreamStore } from "../stream/store";
import { Notices } from "../shell/notices";

function streamAddress(): string {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  return `${scheme}://${location.host}/api/v1/stream`;
}

export const stream = new StreamStore({
  open: () => new WebSocket(streamAddress()),
  now: () => Date.now(),
  random: () => Math.random(),
});

export const runs = new Runs(stream);

export const stepUps = new StepUps();

/** The token of the invitation that is being looked at: here and nowhere else, until it is used. */
export const invitation = new Signal<string | null>(null);

/** That the session has ended while its page stays; whoever notices first says so, and `LogInAgain` asks. */
export const signedOut = new Signal(false);

export const notices = new Notices(() => Date.now());

export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      retry: (count, error) => error instanceof NoAnswer && count < 2,
      refetchOnWindowFocus: false,
      staleTime: 30_000,
    },
  },
});

document.addEventListener("visibilitychange", () => stream.setHidden(document.hidden));
