/** Times for people: clocks, table times, ages and durations. Input is Unix ms; nothing here reads the clock. */
import type { Language } from "./number";

const two = (value: number): string => String(value).padStart(2, "0");

/** `HH:mm:ss` in the reader's own zone. */
export function localTime(ms: number): string {
  const date = new Date(ms);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** `HH:mm:ss` in UTC. */
export function utcTime(ms: number): string {
  return new Date(ms).toISOString().slice(11, 19);
}

/** `2026-01-31 10:04:48` in UTC, for market times that are not today's. */
export function utcDateTime(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace("T", " ");
}

/** The whole truth for a tooltip: date, time, milliseconds, UTC. */
export function exactTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** Day and time of a table row: the time alone for the last 20 hours, with the day before it otherwise. */
export function tableTime(ms: number, nowMs: number): string {
  if (Math.abs(nowMs - ms) < 20 * 3_600_000) return localTime(ms);
  const date = new Date(ms);
  return `${two(date.getDate())}.${two(date.getMonth() + 1)} ${localTime(ms)}`;
}

/** `8 s`, `2 min`, `3 h`: ages of data and of unknown orders. */
export function age(ms: number, language: Language): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const words = language === "ru" ? { s: "с", m: "мин", h: "ч" } : { s: "s", m: "min", h: "h" };
  if (seconds < 120) return `${seconds}\u00a0${words.s}`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)}\u00a0${words.m}`;
  return `${Math.floor(seconds / 3600)}\u00a0${words.h}`;
}

/** `02:14:05` until an event; zero when it has passed. */
export function countdown(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  return `${two(Math.floor(seconds / 3600))}:${two(Math.floor((seconds % 3600) / 60))}:${two(seconds % 60)}`;
}
