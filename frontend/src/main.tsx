/** Starts the page: words, looks, router. */
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { router } from "./app/router";
import { notices, queries } from "./app/services";
import { i18next, loadWords, startWords } from "./i18n";
import { apply, choose, preferences } from "./shell/preferences";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/shell.css";
import "./styles/terminal.css";
import "./styles/book.css";
import "./styles/tables.css";
import "./styles/markets.css";
import "./styles/connections.css";

const place = document.getElementById("root");
if (place === null) throw new Error("index.html has no element with the id root");
apply(preferences.get());

/** Another language needs its words first; without them the page stays in the one it speaks. */
async function follow(): Promise<void> {
  const before = i18next.language === "ru" ? "ru" : "en";
  const chosen = preferences.get().language;
  try {
    await loadWords(chosen);
    // Meanwhile another may have been chosen; its own turn speaks it.
    if (preferences.get().language === chosen) await i18next.changeLanguage(chosen);
  } catch {
    choose({ language: before });
    notices.show({ id: "language", tone: "bad", title: i18next.t("shell.language_failed"), text: i18next.t("problems.network"), lastsMs: null });
  }
}

async function start(root: HTMLElement): Promise<void> {
  try {
    await startWords(preferences.get().language);
  } catch {
    // No words of ours are there, so these stand here.
    root.textContent = "The page could not be loaded whole. Reload it. · Страница загрузилась не полностью. Перезагрузите её.";
    return;
  }
  preferences.subscribe(() => void follow());
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={queries}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </StrictMode>,
  );
}

void start(place);
