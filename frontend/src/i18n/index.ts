/**
 * Words: catalogues by language and area, typed keys, instant switch.
 *
 * Both languages are in the first load: together they are a few kilobytes and the switch needs no network.
 */
import i18next from "i18next";
import { initReactI18next } from "react-i18next";
import type { Language } from "../format/number";
import enActions from "./en/actions.json";
import enAuth from "./en/auth.json";
import enBook from "./en/book.json";
import enCommon from "./en/common.json";
import enConnections from "./en/connections.json";
import enFaults from "./en/faults.json";
import enLinks from "./en/links.json";
import enMarkets from "./en/markets.json";
import enNotices from "./en/notices.json";
import enProblems from "./en/problems.json";
import enReasons from "./en/reasons.json";
import enShell from "./en/shell.json";
import enStatus from "./en/status.json";
import enTables from "./en/tables.json";
import enTerminal from "./en/terminal.json";
import enTicket from "./en/ticket.json";
import ruActions from "./ru/actions.json";
import ruAuth from "./ru/auth.json";
import ruBook from "./ru/book.json";
import ruCommon from "./ru/common.json";
import ruConnections from "./ru/connections.json";
import ruFaults from "./ru/faults.json";
import ruLinks from "./ru/links.json";
import ruMarkets from "./ru/markets.json";
import ruNotices from "./ru/notices.json";
import ruProblems from "./ru/problems.json";
import ruReasons from "./ru/reasons.json";
import ruShell from "./ru/shell.json";
import ruStatus from "./ru/status.json";
import ruTables from "./ru/tables.json";
import ruTerminal from "./ru/terminal.json";
import ruTicket from "./ru/ticket.json";

const en = {
  actions: enActions,
  auth: enAuth,
  book: enBook,
  common: enCommon,
  connections: enConnections,
  faults: enFaults,
  links: enLinks,
  markets: enMarkets,
  notices: enNotices,
  problems: enProblems,
  reasons: enReasons,
  shell: enShell,
  status: enStatus,
  tables: enTables,
  terminal: enTerminal,
  ticket: enTicket,
};

/** Russian must hold every key of English; plural forms beyond `one` and `other` are checked by the build. */
const ru: typeof en = {
  actions: ruActions,
  auth: ruAuth,
  book: ruBook,
  common: ruCommon,
  connections: ruConnections,
  faults: ruFaults,
  links: ruLinks,
  markets: ruMarkets,
  notices: ruNotices,
  problems: ruProblems,
  reasons: ruReasons,
  shell: ruShell,
  status: ruStatus,
  tables: ruTables,
  terminal: ruTerminal,
  ticket: ruTicket,
};

declare module "i18next" {
  interface CustomTypeOptions {
    defaultNS: "page";
    resources: { page: typeof en };
    returnNull: false;
    nsSeparator: false;
  }
}

export function startWords(language: Language): void {
  void i18next.use(initReactI18next).init({
    lng: language,
    fallbackLng: "en",
    defaultNS: "page",
    nsSeparator: false,
    resources: { en: { page: en }, ru: { page: ru } },
    interpolation: { escapeValue: false }, // React renders text as text
    returnNull: false,
  });
}

export { i18next };
