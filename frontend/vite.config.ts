import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";
import { catalogueFaults, type Tree } from "./src/i18n/catalogues.ts";

/** Reads `src/i18n/<language>/*.json`: one file per area, the file's name is the first part of each key. */
export function readCatalogues(): Record<string, Tree> {
  const root = fileURLToPath(new URL("./src/i18n/", import.meta.url));
  const read = (language: string): Tree =>
    Object.fromEntries(
      readdirSync(`${root}${language}`).map((file) => [
        file.replace(".json", ""),
        JSON.parse(readFileSync(`${root}${language}/${file}`, "utf8")) as Tree,
      ]),
    );
  return { en: read("en"), ru: read("ru") };
}

/** A key that one language lacks stops the build instead of showing its name to somebody. */
function completeCatalogues(): Plugin {
  return {
    name: "complete-catalogues",
    apply: "build",
    buildStart() {
      const faults = catalogueFaults(readCatalogues());
      if (faults.length > 0) this.error(`message catalogues are incomplete:\n  ${faults.join("\n  ")}`);
    },
  };
}

const backEnd = process.env["TRADEWRIGHT_URL"] ?? "http://localhost:8787";

export default defineConfig({
  plugins: [react(), completeCatalogues()],
  build: {
    target: "es2022",
    // The page's policy allows no inline script and no data: module, so nothing is inlined.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { proxy: { "/api": { target: backEnd, ws: true }, "/healthz": backEnd } },
});
