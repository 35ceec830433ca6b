/** Logging out: here, and in every other tab of this browser, which shows the same person's things. */
import { useNavigate } from "@tanstack/react-router";
import { useCallback, useEffect } from "react";
import { logout } from "../api/calls";
import { notices, stream } from "../app/services";
import { forgetPerson } from "../app/session";
import { forgetBotDrafts } from "../bots/wizard/keeping";
import { forgetDrafts } from "../ticket/draft";
import { forgetLastAccount } from "./lastAccount";

const CHANNEL = "tradewright.left";

export function useLeave(): () => Promise<void> {
  const navigate = useNavigate();
  const go = useCallback(async (): Promise<void> => {
    notices.clear();
    // The data goes after the screen that shows it: cleared earlier, the screen would ask for it again.
    await navigate({ to: "/login", search: { reason: "left" } });
    forgetPerson();
    forgetDrafts();
    forgetBotDrafts();
    forgetLastAccount();
  }, [navigate]);
  useEffect(() => {
    const others = new BroadcastChannel(CHANNEL);
    others.onmessage = () => {
      stream.connection.stop();
      void go();
    };
    return () => others.close();
  }, [go]);
  return useCallback(async () => {
    // First the stream: the server closes it with the session, and that must not look like an expiry.
    stream.connection.stop();
    try {
      await logout();
    } catch (error) {
      stream.connection.start();
      throw error;
    }
    const others = new BroadcastChannel(CHANNEL);
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel reaches its own origin alone
    others.postMessage(null);
    others.close();
    await go();
  }, [go]);
}
