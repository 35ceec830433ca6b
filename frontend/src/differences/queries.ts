/** What the page knows of differences; they come rarely, and each is decided by a person. */
import { queryOptions } from "@tanstack/react-query";
import { readDifferences } from "../api/differences";

export const differencesQuery = (accountId: string) =>
  queryOptions({ queryKey: ["differences", accountId], queryFn: () => readDifferences(accountId), staleTime: 1_000, refetchInterval: 3_000 });
