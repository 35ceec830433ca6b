/**
 * What the page tells without being asked: toasts, and words for screen readers.
 *
 * Lives here: at most three toasts, one per order (a later word replaces an earlier one), and the two spoken queues.
 * Not here: which events are worth telling (`order_news`), the words (`i18n`), the look (`Toasts`).
 */
import { Signal } from "../stream/signal";

export type Tone = "info" | "good" | "bad";
export type Toast = {
  readonly id: string;
  readonly tone: Tone;
  readonly title: string;
  readonly text: string;
  /** Null: until closed. */
  readonly endsAtMs: number | null;
};
export type Spoken = { readonly polite: string; readonly assertive: string };

const TOASTS_MAX = 3;
const SPEAK_EVERY_MS = 1000;

export class Notices {
  readonly toasts = new Signal<readonly Toast[]>([]);
  readonly spoken = new Signal<Spoken>({ polite: "", assertive: "" });
  readonly #now: () => number;
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();
  #polite: string[] = [];
  #assertive: string[] = [];
  #speaking: ReturnType<typeof setTimeout> | null = null;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Shows a toast; one with the same id is replaced in place. `lastsMs` null keeps it until it is closed. */
  show(toast: { id: string; tone: Tone; title: string; text: string; lastsMs: number | null }): void {
    const { lastsMs, ...rest } = toast;
    const entry: Toast = { ...rest, endsAtMs: lastsMs === null ? null : this.#now() + lastsMs };
    const others = this.toasts.get().filter((each) => each.id !== toast.id);
    this.toasts.set([...others, entry].slice(-TOASTS_MAX));
    const old = this.#timers.get(toast.id);
    if (old !== undefined) clearTimeout(old);
    this.#timers.delete(toast.id);
    if (lastsMs !== null) this.#timers.set(toast.id, setTimeout(() => this.close(toast.id), lastsMs));
  }

  close(id: string): void {
    const timer = this.#timers.get(id);
    if (timer !== undefined) clearTimeout(timer);
    this.#timers.delete(id);
    this.toasts.set(this.toasts.get().filter((each) => each.id !== id));
  }

  /** Speaks at most once a second; what comes faster is joined. */
  speak(text: string, urgency: "polite" | "assertive" = "polite"): void {
    (urgency === "polite" ? this.#polite : this.#assertive).push(text);
    this.#speaking ??= setTimeout(() => {
      this.#speaking = null;
      this.spoken.set({ polite: this.#polite.join(" "), assertive: this.#assertive.join(" ") });
      this.#polite = [];
      this.#assertive = [];
    }, SPEAK_EVERY_MS);
  }

  clear(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    this.toasts.set([]);
  }
}
