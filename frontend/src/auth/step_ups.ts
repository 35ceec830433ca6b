/** The one question that may be open: is it still you? Calls that need the proof wait for its answer. */
import { Refused } from "../api/errors";
import { Signal } from "../stream/signal";

export class StepUps {
  readonly asking = new Signal(false);
  #waiting: ((proved: boolean) => void)[] = [];

  /** Makes the call; refused for want of a proof, asks for one and makes it once more. */
  readonly withProof = async <T>(call: () => Promise<T>): Promise<T> => {
    try {
      return await call();
    } catch (error) {
      if (!needsProof(error) || !(await this.#ask())) throw error;
      return await call();
    }
  };

  /** What the person did: proved it, or closed the question. Only the first answer counts. */
  readonly answer = (proved: boolean): void => {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.asking.set(false);
    for (const tell of waiting) tell(proved);
  };

  #ask(): Promise<boolean> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.asking.set(true);
    });
  }
}

function needsProof(error: unknown): boolean {
  return error instanceof Refused && error.problem.code === "session.step_up_required";
}
