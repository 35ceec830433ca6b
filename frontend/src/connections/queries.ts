/** What the page knows of connections: the list is asked again while a key is being checked. */
import { queryOptions } from "@tanstack/react-query";
import { readConnections, readEnvironments, readTopUp } from "../api/connections";

const CHECKING_MS = 1_000;
const QUIET_MS = 15_000;

export const environmentsQuery = queryOptions({ queryKey: ["environments"], queryFn: readEnvironments, staleTime: 600_000 });

export const connectionsQuery = queryOptions({
  queryKey: ["connections"],
  queryFn: readConnections,
  staleTime: 5_000,
  refetchInterval: ({ state }) => (state.data?.some((each) => each.state === "checking" || each.change?.state === "checking") === true ? CHECKING_MS : QUIET_MS),
});

/** The last asking for play money, asked again while it is under way. */
export const topUpQuery = (id: string) =>
  queryOptions({
    queryKey: ["connections", id, "top-up"],
    queryFn: () => readTopUp(id),
    staleTime: 60_000,
    refetchInterval: ({ state }) => (state.data?.state === "asked" || state.data?.state === "sending" ? CHECKING_MS : false),
  });
