/** What of the wizard is in its address: the step, and what it begins with. */
import { STEPS, type Step } from "./draft";

export type WizardSearch = {
  readonly step?: Step | undefined;
  /** A kept strategy, and which version of it. */
  readonly spec?: string | undefined;
  readonly v?: number | undefined;
  readonly template?: string | undefined;
  /** A bot whose settings are changed, or that is started. */
  readonly bot?: string | undefined;
};

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** What makes no sense is dropped, so that an old link still opens. */
export function readWizardSearch(search: Record<string, unknown>): WizardSearch {
  const text = (name: string, pattern: RegExp): string | undefined => {
    const value = search[name];
    return typeof value === "string" && pattern.test(value) ? value : undefined;
  };
  const version = search["v"];
  return {
    step: STEPS.find((each) => each === search["step"]),
    spec: text("spec", UUID),
    v: typeof version === "number" && Number.isInteger(version) && version > 0 ? version : undefined,
    template: text("template", /^[a-z0-9_]{1,40}$/),
    bot: text("bot", UUID),
  };
}

/** What a draft is kept by: one for what begins with the same. */
export function keyOf({ spec, v, template, bot }: WizardSearch): string {
  if (bot !== undefined) return `bot:${bot}`;
  if (spec !== undefined) return `spec:${spec}:${v ?? ""}`;
  return template === undefined ? "new" : `template:${template}`;
}
