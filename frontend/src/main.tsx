/** Starts the page: words, looks, router. */
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { router } from "./app/router";
import { queries } from "./app/services";
import { startWords } from "./i18n";
import { followLanguage } from "./shell/language";
import { apply, preferences } from "./shell/preferences";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/shell.css";
import "./styles/terminal.css";
import "./styles/book.css";
import "./styles/tables.css";
import "./styles/markets.css";
import "./styles/connections.css";
import "./styles/people.css";
import "./styles/backtests.css";
import "./styles/audit.css";
import "./styles/bots.css";
import "./styles/news.css";

const place = document.getElementById("root");
if (place === null) throw new Error("index.html has no element with the id root");
apply(preferences.get());

async function start(root: HTMLElement): Promise<void> {
  try {
    await startWords(preferences.get().language);
  } catch {
    // No words of ours are there, so these stand here.
    root.textContent = "The page could not be loaded whole. Reload it. · Страница загрузилась не полностью. Перезагрузите её.";
    return;
  }
  followLanguage();
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={queries}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </StrictMode>,
  );
}

void start(place);
