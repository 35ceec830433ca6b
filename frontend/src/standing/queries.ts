/** What the page knows of an account's limits and of its request budget. */
import { queryOptions } from "@tanstack/react-query";
import { readBudget, readLimits } from "../api/standing";

export const limitsQuery = (accountId: string) => queryOptions({ queryKey: ["limits", accountId], queryFn: () => readLimits(accountId), staleTime: 2_000, refetchInterval: 5_000 });

export const budgetQuery = (accountId: string) => queryOptions({ queryKey: ["budget", accountId], queryFn: () => readBudget(accountId), staleTime: 1_000, refetchInterval: 3_000, retry: false });
