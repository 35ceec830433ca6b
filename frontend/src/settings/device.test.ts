import { expect, it } from "vitest";
import { deviceOf } from "./device";

it("reads the browser and the system of the usual ones, and nothing of what is none", () => {
  const chrome = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0";
  expect(deviceOf(`Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${chrome} Safari/537.36 Edg/120.0`)).toEqual({ browser: "Edge", system: "Windows" });
  expect(deviceOf(`Mozilla/5.0 (X11; Linux x86_64) ${chrome} Safari/537.36`)).toEqual({ browser: "Chrome", system: "Linux" });
  expect(deviceOf("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) AppleWebKit/605.1.15 Version/17.0 Safari/605.1.15")).toEqual({ browser: "Safari", system: "macOS" });
  expect(deviceOf("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 Version/17.0 Mobile Safari/604.1")).toEqual({ browser: "Safari", system: "iOS" });
  expect(deviceOf("Mozilla/5.0 (Android 14; Mobile; rv:120.0) Gecko/120.0 Firefox/120.0")).toEqual({ browser: "Firefox", system: "Android" });
  for (const other of ["", "python-requests/2", "<b>Chrome</b>"]) expect(deviceOf(other)).toBeNull();
});
