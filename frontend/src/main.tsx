/** Starts the page: words, looks, router. */
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { router } from "./app/router";
import { queries } from "./app/services";
import { i18next, startWords } from "./i18n";
import { apply, preferences } from "./shell/preferences";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/shell.css";
import "./styles/terminal.css";
import "./styles/book.css";
import "./styles/tables.css";
import "./styles/markets.css";
import "./styles/connections.css";

startWords(preferences.get().language);
apply(preferences.get());
preferences.subscribe(() => void i18next.changeLanguage(preferences.get().language));

const place = document.getElementById("root");
if (place === null) throw new Error("index.html has no element with the id root");
createRoot(place).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  </StrictMode>,
);
