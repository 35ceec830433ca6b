/** The whole English catalogue, one area a file; a chunk of its own, loaded when the language is chosen. */
import actions from "./en/actions.json";
import alerts from "./en/alerts.json";
import arming from "./en/arming.json";
import audit from "./en/audit.json";
import auth from "./en/auth.json";
import backtests from "./en/backtests.json";
import book from "./en/book.json";
import bots from "./en/bots.json";
import common from "./en/common.json";
import connections from "./en/connections.json";
import differences from "./en/differences.json";
import faults from "./en/faults.json";
import kill from "./en/kill.json";
import links from "./en/links.json";
import markets from "./en/markets.json";
import news from "./en/news.json";
import notices from "./en/notices.json";
import people from "./en/people.json";
import problems from "./en/problems.json";
import reasons from "./en/reasons.json";
import runs from "./en/runs.json";
import security from "./en/security.json";
import shell from "./en/shell.json";
import standing from "./en/standing.json";
import status from "./en/status.json";
import strategies from "./en/strategies.json";
import tables from "./en/tables.json";
import terminal from "./en/terminal.json";
import ticket from "./en/ticket.json";
import tokens from "./en/tokens.json";

const en = {
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

export default en;
