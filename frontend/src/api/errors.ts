/** What can go wrong with a call: the server's problem document, or no answer at all. */
export type FieldProblem = { readonly code: string; readonly field: string | null; readonly params: Record<string, unknown> };

export type Problem = {
  readonly status: number;
  readonly code: string;
  readonly field: string | null;
  readonly params: Record<string, unknown>;
  readonly problems: readonly FieldProblem[];
  readonly retryable: boolean;
  readonly exchange: { readonly code: number; readonly text: string } | null;
};

/** The server answered, and its answer is no. */
export class Refused extends Error {
  constructor(readonly problem: Problem) {
    super(problem.code);
    this.name = "Refused";
  }
}

/** Nobody answered: what was asked may or may not have happened. */
export class NoAnswer extends Error {
  constructor(cause: unknown) {
    super("no answer", { cause });
    this.name = "NoAnswer";
  }
}

/** Reads a problem document; anything else that is not a success becomes code `http`. */
export function readProblem(status: number, body: unknown): Problem {
  const blank: Problem = { status, code: "http", field: null, params: { status }, problems: [], retryable: status >= 500, exchange: null };
  if (typeof body !== "object" || body === null || !("code" in body) || typeof body.code !== "string") return blank;
  return { ...blank, params: {}, ...(body as Partial<Problem>), status };
}
