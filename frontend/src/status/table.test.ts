import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { readCatalogues } from "../../vite.config";
import { flatten } from "../i18n/catalogues";
import { isCancellable, statusRow, STATUS_TABLE, ticketOutcome } from "./table";
import type { OrderStatus } from "../api/types";

type Row = { status: OrderStatus; terminal: boolean; role: string; next: string[] };
const server = JSON.parse(readFileSync("../tests/data/statuses.json", "utf8")) as Row[];

it("knows exactly the statuses of the server, with the same roles, ends and moves", () => {
  const ours = Object.entries(STATUS_TABLE).map(([status, row]) => ({
    status,
    terminal: row.terminal,
    role: row.role,
    next: [...row.next],
  }));
  expect(ours).toEqual(server);
});

it("has words and a meaning for every status in both languages", () => {
  for (const tree of Object.values(readCatalogues())) {
    const words = flatten(tree);
    for (const { status } of server) {
      expect(words.get(`status.${status}`), status).toBeTruthy();
      expect(words.get(`status.meaning.${status}`), status).toBeTruthy();
    }
  }
});

it("keeps a ticket's values after every end at which nothing was placed, and after an unknown", () => {
  const kept = server.filter(({ status }) => ticketOutcome(status) !== "clear").map(({ status }) => status);
  expect(kept).toEqual(["sending", "refused", "not_sent", "rejected", "unknown", "not_placed"]);
});

it("offers cancelling only for orders that the exchange has and nobody is cancelling", () => {
  const offered = server.filter(({ status }) => isCancellable(status)).map(({ status }) => status);
  expect(offered).toEqual(["acknowledged", "waiting_trigger", "working", "partially_filled"]);
  expect(offered.some((status) => statusRow(status).terminal)).toBe(false);
});
