/** The whole Russian catalogue, one area a file; a chunk of its own, loaded when the language is chosen. */
import actions from "./ru/actions.json";
import alerts from "./ru/alerts.json";
import arming from "./ru/arming.json";
import audit from "./ru/audit.json";
import auth from "./ru/auth.json";
import backtests from "./ru/backtests.json";
import book from "./ru/book.json";
import bots from "./ru/bots.json";
import common from "./ru/common.json";
import connections from "./ru/connections.json";
import differences from "./ru/differences.json";
import faults from "./ru/faults.json";
import kill from "./ru/kill.json";
import links from "./ru/links.json";
import markets from "./ru/markets.json";
import news from "./ru/news.json";
import notices from "./ru/notices.json";
import people from "./ru/people.json";
import problems from "./ru/problems.json";
import reasons from "./ru/reasons.json";
import runs from "./ru/runs.json";
import security from "./ru/security.json";
import shell from "./ru/shell.json";
import standing from "./ru/standing.json";
import status from "./ru/status.json";
import strategies from "./ru/strategies.json";
import tables from "./ru/tables.json";
import terminal from "./ru/terminal.json";
import ticket from "./ru/ticket.json";
import tokens from "./ru/tokens.json";
import type { Catalogue } from "./index";

/** Must hold every key of English; plural forms beyond `one` and `other` are checked by the build. */
const ru: Catalogue = {
  actions,
  alerts,
  arming,
  audit,
  auth,
  backtests,
  book,
  bots,
  common,
  connections,
  differences,
  faults,
  kill,
  links,
  markets,
  news,
  notices,
  people,
  problems,
  reasons,
  runs,
  security,
  shell,
  standing,
  status,
  strategies,
  tables,
  terminal,
  ticket,
  tokens,
};

export default ru;
