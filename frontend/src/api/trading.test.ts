import { afterEach, expect, it, vi } from "vitest";
import { NoAnswer, Refused } from "./errors";
import { fileName, readTable } from "./trading";

afterEach(() => vi.unstubAllGlobals());
const answering = (response: Response): void => void vi.stubGlobal("fetch", () => Promise.resolve(response));

it("takes the name that the server gives, the encoded one first", () => {
  expect(fileName(`attachment; filename="_ orders.csv"; filename*=UTF-8''%D0%94%D0%B5%D0%BC%D0%BE%20orders.csv`)).toBe("Демо orders.csv");
  expect(fileName('attachment; filename="My demo fills.csv"')).toBe("My demo fills.csv");
  expect(fileName(`attachment; filename*=UTF-8''%E0%A4%A; filename="x.csv"`)).toBe("x.csv");
  expect([fileName("inline"), fileName(null)]).toEqual([null, null]);
});

it("is a file, or the server's reason, or no answer; never a part", async () => {
  answering(new Response("a,b\r\n", { headers: { "content-disposition": 'attachment; filename="t.csv"' } }));
  const { file, name } = await readTable("a", "fills");
  expect([name, await file.text()]).toEqual(["t.csv", "a,b\r\n"]);
  answering(new Response('{"code": "database.unavailable"}', { status: 503 }));
  await expect(readTable("a", "fills")).rejects.toThrow(Refused);
  answering(new Response("<html>", { status: 502 }));
  await expect(readTable("a", "fills")).rejects.toThrow("http");
  const broken = new ReadableStream({ start: (stream) => stream.enqueue(new TextEncoder().encode("a,b")), pull: (stream) => stream.error(new TypeError("reset")) });
  answering(new Response(broken));
  await expect(readTable("a", "fills")).rejects.toThrow(NoAnswer);
});
