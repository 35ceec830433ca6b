// @vitest-environment jsdom
import { beforeEach, expect, it, vi } from "vitest";
import type { Session } from "../api/types";
import { saveDraft } from "../ticket/draft";
import { freshTicket } from "../ticket/state";
import { queries, signedOut, stream } from "./services";
import { sessionQuery, signedIn, signedInAgain } from "./session";

const session = (user: string | null, workspace = "w1"): Session =>
  ({ claimed: true, user: user === null ? null : { id: user, username: user }, workspace: user === null ? null : { id: workspace } }) as unknown as Session;
let now: Session;
const chosen: string[] = [];
const assign = vi.fn();
vi.mock("../api/calls", async (original) => ({ ...(await original<typeof import("../api/calls")>()), readSession: () => Promise.resolve(now) }));
vi.mock("../api/people", async (original) => ({
  ...(await original<typeof import("../api/people")>()),
  chooseWorkspace: (id: string) => {
    chosen.push(id);
    return id === "gone" ? Promise.reject(new Error("not yours")) : Promise.resolve(session("anna", id));
  },
}));

beforeEach(() => {
  vi.stubGlobal("location", { assign, protocol: "http:", host: "localhost" });
  vi.spyOn(stream.connection, "start").mockImplementation(() => undefined);
  assign.mockClear();
  chosen.length = 0;
  sessionStorage.clear();
  signedIn(session("anna"));
});

const ask = (): Promise<Session> => queries.fetchQuery({ ...sessionQuery, staleTime: 0 });
const shown = (): Session | undefined => queries.getQueryData(sessionQuery.queryKey);
const draft = (): string | null => {
  saveDraft("a:linear:X", { ...freshTicket("id"), fields: { ...freshTicket("id").fields, quantity: "5" } });
  return sessionStorage.getItem("tradewright.ticket.a:linear:X");
};

it("keeps saying whose things are shown when the session has ended, and says that it has", async () => {
  now = session(null);
  expect(await ask()).toEqual(session("anna"));
  expect(signedOut.get()).toBe(true);
  queries.clear(); // nothing of anybody's is shown
  signedOut.set(false);
  expect(await ask()).toEqual(session(null));
  expect(signedOut.get()).toBe(false);
});

it("goes on with the same person in the workspace that is shown, and reads everything else anew", async () => {
  queries.setQueryData(["orders"], 1);
  signedOut.set(true);
  const kept = draft();
  await signedInAgain(session("anna", "their first"));
  expect(chosen).toEqual(["w1"]);
  expect([shown(), signedOut.get()]).toEqual([session("anna", "w1"), false]);
  expect(queries.getQueryState(["orders"])?.isInvalidated).toBe(true);
  expect(queries.getQueryState(sessionQuery.queryKey)?.isInvalidated).toBe(false);
  expect(stream.connection.start).toHaveBeenCalled();
  expect([assign.mock.calls.length, sessionStorage.getItem("tradewright.ticket.a:linear:X")]).toEqual([0, kept]);
});

it("begins anew for somebody else, with nothing of the first", async () => {
  draft();
  await signedInAgain(session("boris"));
  expect(assign).toHaveBeenCalledWith("/");
  expect([shown()?.user?.username, sessionStorage.length]).toEqual(["anna", 0]);
});

it("begins anew where the workspace that is shown is not theirs any more, and keeps what they typed", async () => {
  signedIn(session("anna", "gone"));
  const kept = draft();
  await signedInAgain(session("anna", "w2"));
  expect(assign).toHaveBeenCalledWith("/");
  expect(sessionStorage.getItem("tradewright.ticket.a:linear:X")).toBe(kept);
});
