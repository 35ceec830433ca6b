/** A value outside React that tells its readers when it was replaced. */
export type Readable<T> = {
  readonly get: () => T;
  readonly subscribe: (listener: () => void) => () => void;
};

export class Signal<T> implements Readable<T> {
  #value: T;
  readonly #listeners = new Set<() => void>();

  constructor(value: T) {
    this.#value = value;
  }

  // Arrow functions, because React takes them away from the object.
  readonly get = (): T => this.#value;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  set(value: T): void {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const listener of Array.from(this.#listeners)) listener(); // a copy: listeners may leave while told
  }
}
