import { defineConfig } from "vitest/config";

export default defineConfig({
  test: { include: ["src/**/*.test.{ts,tsx}"], restoreMocks: true, testTimeout: 30_000 },
});
