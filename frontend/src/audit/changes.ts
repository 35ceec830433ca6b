/** Before → after of an entry, a line a field: what is nested is told by its path. */
export type Change = { readonly name: string; readonly before: string | null; readonly after: string | null };

type Said = Readonly<Record<string, unknown>> | null;

export function changesOf(before: Said, after: Said): readonly Change[] {
  const [old, now] = [flat(before), flat(after)];
  return [...new Set([...old.keys(), ...now.keys()])].map((name) => ({
    name,
    before: old.get(name) ?? null,
    after: now.get(name) ?? null,
  }));
}

function flat(said: Said, path = "", into = new Map<string, string>()): Map<string, string> {
  for (const [name, value] of Object.entries(said ?? {})) {
    const whole = path === "" ? name : `${path}.${name}`;
    if (value === null || value === undefined) continue;
    if (typeof value === "object" && !Array.isArray(value)) flat(value as Record<string, unknown>, whole, into);
    else into.set(whole, typeof value === "object" ? JSON.stringify(value) : String(value));
  }
  return into;
}
