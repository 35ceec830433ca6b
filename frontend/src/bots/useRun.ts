/** A run as it stands: by the stream where that knows it, else as it was read; and who is behind an id. */
import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import type { Run } from "../api/types";
import { queries } from "../app/services";
import { sessionQuery } from "../app/session";
import { useWords } from "../i18n/useWords";
import { useRuns } from "../stream/hooks";
import { isOlder } from "../stream/runs";
import { membersQuery, runQuery } from "./queries";

export type RunFound = { readonly run: Run | null; readonly error: unknown; readonly isLive: boolean; readonly again: () => void };

export function useRun(id: string): RunFound {
  const view = useRuns();
  const read = useQuery(runQuery(id));
  const told = view.phase === "live" ? view.rows.get(id) : undefined;
  const ended = told?.ended_ms ?? null;
  // What the stream tells once is what the next screen begins with.
  useEffect(() => {
    if (ended !== null) void queries.invalidateQueries({ queryKey: ["runs", id] });
  }, [id, ended]);
  return { run: newest(told, read.data), error: read.error, isLive: told !== undefined, again: () => void read.refetch() };
}

/** The later of two words on one run. */
export function newest(told: Run | undefined, read: Run | undefined | null): Run | null {
  if (told === undefined) return read ?? null;
  return read != null && isOlder(told, read) ? read : told;
}

export function useMemberName(): (id: string | null) => string | null {
  const { t } = useWords();
  const me = useQuery(sessionQuery).data?.user?.id;
  const members = useQuery(membersQuery).data;
  return (id) => {
    if (id === null) return null;
    if (id === me) return t("bots.you");
    return members?.find((member) => member.user_id === id)?.username ?? t("bots.somebody");
  };
}

export function useMayTrade(): boolean {
  const role = useQuery(sessionQuery).data?.workspace?.role;
  return role !== undefined && role !== "viewer";
}
