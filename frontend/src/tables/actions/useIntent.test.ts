// @vitest-environment jsdom
import { expect, it } from "vitest";
import type { IntentAnswer } from "../../api/types";
import { isNo } from "./useIntent";

const judged = (kind: IntentAnswer["kind"], ...statuses: IntentAnswer["status"][]): boolean[] => statuses.map((status) => isNo({ kind, status }));

it("takes a place, leverage and exits for refused only by their own status", () => {
  for (const kind of ["place", "leverage", "exits"] as const) {
    expect(judged(kind, "refused", "rejected", "not_sent", "not_placed")).toEqual([true, true, true, true]);
    expect(judged(kind, "sending", "unknown", "acknowledged", "working", "filled", "cancelled")).toEqual([false, false, false, false, false, false]);
  }
});

it("takes an amend and a cancel for refused when the order is none of what was asked", () => {
  for (const kind of ["amend", "cancel"] as const) {
    expect(judged(kind, "working", "partially_filled", "filled", "cancelled")).toEqual([true, true, true, true]);
    expect(judged(kind, "amend_requested", "cancel_requested", "unknown")).toEqual([false, false, false]);
  }
});
