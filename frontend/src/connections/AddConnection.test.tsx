// @vitest-environment jsdom
import { QueryClientProvider } from "@tanstack/react-query";
import { act, cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { NoAnswer, readProblem, Refused } from "../api/errors";
import type { Connection, EnvironmentFacts, NewConnection } from "../api/types";
import { queries } from "../app/services";
import { startWords } from "../i18n";
import { AddConnection } from "./AddConnection";
import { environmentsQuery } from "./queries";

const posted: NewConnection[] = [];
let answer: () => Promise<Connection>;
vi.mock("../api/connections", async (original) => ({
  ...(await original<typeof import("../api/connections")>()),
  postConnection: (request: NewConnection) => {
    posted.push(request);
    return answer();
  },
}));

const facts = (environment: "demo" | "testnet" | "live", refusal: string | null = null): EnvironmentFacts =>
  ({
    environment,
    regions: [
      { id: "global", rest: "https://api-demo.bybit.com" },
      { id: "eu", rest: "https://api-demo.bybit.eu" },
    ],
    refusal: refusal === null ? null : { code: refusal, params: {}, detail: null },
  }) as unknown as EnvironmentFacts;
const refused = (...problems: { code: string; field: string; params: Record<string, string> }[]): Refused =>
  new Refused(readProblem(422, { code: problems[0]?.code ?? "connection.too_many", problems }));

const onDone = vi.fn<() => void>();
const type = (name: string, value: string): void => void fireEvent.change(screen.getByTestId(`connection-${name}`), { target: { value } });
const press = (): Promise<void> =>
  act(async () => {
    fireEvent.click(screen.getByTestId("connection-submit"));
  });
const fill = (): void => {
  type("name", " My demo ");
  type("key", " k3y ");
  type("secret", " s3cret ");
};

beforeAll(() => startWords("en"));
beforeEach(() => {
  posted.length = 0;
  onDone.mockClear();
  queries.clear();
  queries.setQueryData(environmentsQuery.queryKey, [facts("demo"), facts("testnet"), facts("live", "connection.live_closed")]);
  answer = () => Promise.resolve({} as Connection);
  render(
    <QueryClientProvider client={queries}>
      <AddConnection onDone={onDone} />
    </QueryClientProvider>,
  );
});
afterEach(cleanup);

it("sends nothing while something that is needed is empty, and says what", async () => {
  type("key", "k3y");
  type("secret", "   ");
  await press();
  expect(posted).toEqual([]);
  const invalid = ["name", "key", "secret"].map((name) => screen.getByTestId(`connection-${name}`).getAttribute("aria-invalid"));
  expect(invalid).toEqual(["true", "false", "true"]);
});

it("sends what was typed without its blanks, an empty proxy as none, and is done", async () => {
  expect(document.activeElement).toBe(screen.getByTestId("connection-name"));
  fill();
  type("proxy", "  ");
  await press();
  expect(posted).toEqual([{ id: expect.any(String) as string, environment: "demo", name: "My demo", key: "k3y", secret: "s3cret", region: "global", proxy: null }]);
  expect(onDone).toHaveBeenCalledOnce();
});

it("tells each refusal at its field, keeps what was typed, and asks the next time for another connection", async () => {
  fill();
  answer = () => Promise.reject(refused({ code: "connection.key_text", field: "key", params: {} }, { code: "connection.proxy_invalid", field: "proxy", params: {} }));
  await press();
  const key = screen.getByTestId("connection-key");
  expect(document.getElementById(key.getAttribute("aria-describedby") ?? "")?.textContent).toContain("not an API key");
  expect([key.getAttribute("aria-invalid"), screen.getByTestId("connection-proxy").getAttribute("aria-invalid")]).toEqual(["true", "true"]);
  expect(screen.getByTestId<HTMLInputElement>("connection-secret").value).toBe(" s3cret ");
  expect(screen.queryByTestId("connection-error")).toBeNull();
  expect(onDone).not.toHaveBeenCalled();
  await press();
  expect(posted[1]?.id).not.toBe(posted[0]?.id);
});

it("asks with the same id after no answer: the connection may be there", async () => {
  fill();
  answer = () => Promise.reject(new NoAnswer(null));
  await press();
  expect(screen.getByTestId("connection-error").textContent).toBe("The server did not answer.");
  await press();
  expect(posted[1]).toEqual(posted[0]);
});

it("says of what is no field's fault what it is", async () => {
  fill();
  answer = () => Promise.reject(refused());
  await press();
  expect(screen.getByTestId("connection-error").textContent).toContain("as many accounts here as allowed");
});

it("forgets the region with its environment, and takes no account where none can be added", async () => {
  fill();
  type("region", "eu");
  fireEvent.click(screen.getByTestId("connection-env-testnet"));
  await press();
  expect([posted[0]?.environment, posted[0]?.region]).toEqual(["testnet", "global"]);
  fireEvent.click(screen.getByTestId("connection-env-live"));
  expect(screen.getByTestId("connection-env-refused").textContent).toContain("Real trading is off");
  expect(screen.getByTestId<HTMLButtonElement>("connection-submit").disabled).toBe(true);
  fireEvent.submit(screen.getByTestId("connection-form"));
  expect(posted).toHaveLength(1);
});
