/** What the page knows of an account's arming; it is asked again, because it may end by itself at any moment. */
import { queryOptions } from "@tanstack/react-query";
import { readArming } from "../api/arming";

export const armingQuery = (accountId: string) => queryOptions({ queryKey: ["arming", accountId], queryFn: () => readArming(accountId), staleTime: 1_000, refetchInterval: 3_000 });
