import { beforeAll, expect, it } from "vitest";
import type { Notification } from "../api/notifications";
import { i18next, loadWords, startWords } from "../i18n";
import { leadOf } from "./leads";
import { bodyOf, clockOf, draftOf, KINDS, minuteOf } from "./rules";
import { newsPlace, newsText, newsTitle } from "./words";

beforeAll(async () => {
  await startWords("en");
  await loadWords("ru");
});

const PARAMS = {
  account: "Main", environment: "demo", category: "linear", symbol: "BTCUSDT", side: "Buy", quantity: "1.5", price: "60000", status: "rejected", code: "risk.leverage", scope: "workspace",
  closes: "yes", news: "flattening", stop: "59000", exchange_code: "10024", state: "halted", away_s: "12", bot: "Grid", silent_s: "90", direction: "above", price_by: "last", seen: "60001", note: "x",
};
const told = (kind: Notification["kind"], change: Partial<Notification> = {}): Notification => ({
  id: "1", kind, severity: "info", params: PARAMS, link: { kind: "order", account_id: "a" }, merged: 1, first_ms: 1, at_ms: 1, read_ms: null, ...change,
});

it("has a whole line for every kind in both languages", () => {
  for (const language of ["en", "ru"] as const) {
    const t = i18next.getFixedT(language, "page");
    for (const kind of KINDS) {
      const line = newsTitle(t, told(kind), language) + newsText(t, told(kind), language);
      expect(line, `${language} ${kind}`).not.toMatch(/\{\{|undefined|^[a-z_]+$/);
    }
  }
});

it("says how many fills a line stands for", () => {
  const t = i18next.getFixedT("en", "page");
  expect(newsTitle(t, told("fill", { merged: 14 }), "en").replaceAll("\u202f", " ")).toBe("14 fills on BTCUSDT: Buy 1.5, mean 60 000");
});

it("shows what the server says of nobody's kinds as it came, and markup as text", () => {
  const t = i18next.getFixedT("en", "page");
  expect(newsTitle(t, { ...told("fill"), kind: "new_kind" as Notification["kind"] }, "en")).toBe("new_kind");
  expect(newsText(t, told("price_alert", { params: { ...PARAMS, note: "<b>x</b>" } }), "en")).toContain("<b>x</b>");
});

it("names the account with its environment and leads to the object", () => {
  expect(newsPlace(told("fill"))).toBe("Main · DEMO");
  expect(leadOf(told("fill"))).toEqual({ to: "/terminal/$account/$category/$symbol", account: "a", category: "linear", symbol: "BTCUSDT" });
  expect(leadOf(told("drift", { link: { kind: "differences", account_id: "a" } }))).toEqual({ to: "/settings/accounts/$account/differences", account: "a" });
  expect(leadOf(told("kill", { link: { kind: "kill" } }))).toBeNull();
});

it("reads and writes minutes of a day", () => {
  expect([minuteOf("22:30"), minuteOf("00:00"), minuteOf("24:00"), minuteOf(""), clockOf(1350), clockOf(0), clockOf(null)]).toEqual([1350, 0, null, null, "22:30", "00:00", ""]);
});

it("asks for what was drawn, and for no rule where nothing was chosen", () => {
  const settings = {
    version: 3, time_zone: "UTC", quiet_from: 1320, quiet_to: 420, minimal_severity: "info" as const, alive_at: null, alive_channel_id: null, services: [], channels_maximum: 10,
    channels: [{ id: "c1", name: "Phone", service: "tgram", created_ms: 1, tested_ms: null, sent_ms: null, failed_ms: null, failure: null }],
    rules: [
      { kind: "fill" as const, channel_ids: ["c1", "gone"], escalate_minutes: null, escalate_channel_id: null },
      { kind: "kill" as const, channel_ids: [], escalate_minutes: 5, escalate_channel_id: "c1" },
      { kind: "drift" as const, channel_ids: ["gone"], escalate_minutes: null, escalate_channel_id: null },
    ],
  };
  const body = bodyOf(draftOf(settings, "Europe/Berlin"), 3);
  expect(body).toMatchObject({ version: 3, time_zone: "UTC", quiet_from: 1320, quiet_to: 420, alive_at: null, alive_channel_id: null });
  expect(body.rules).toEqual([
    { kind: "kill", channel_ids: [], escalate_minutes: 5, escalate_channel_id: "c1" },
    { kind: "fill", channel_ids: ["c1"], escalate_minutes: null, escalate_channel_id: null },
  ]);
  expect(draftOf({ ...settings, version: 0 }, "Europe/Berlin").timeZone).toBe("Europe/Berlin");
});

it("says why a run ended, and nothing of what only its own page knows", () => {
  for (const [language, words] of [["en", "BTCUSDT · Its time is over."], ["ru", "BTCUSDT · Время вышло."]] as const) {
    const t = i18next.getFixedT(language, "page");
    void i18next.changeLanguage(language);
    const said = (code: string) => newsText(t, told("run", { params: { bot: "Grid", symbol: "BTCUSDT", state: "finished", code } }), language);
    expect(said("run.time_over")).toBe(words);
    expect(said("run.stopped")).toBe("BTCUSDT");
    expect(said("")).toBe("BTCUSDT");
  }
  void i18next.changeLanguage("en");
});
