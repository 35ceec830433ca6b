/**
 * The check of the message catalogues: every language holds the keys of English, each plural in the forms it needs.
 *
 * Lives here: a pure function over parsed catalogues. The build (`vite.config.ts`) and the unit tests both call it.
 */

export type Tree = { readonly [key: string]: string | Tree };

const FORMS: Readonly<Record<string, readonly string[]>> = {
  en: ["one", "other"],
  ru: ["one", "few", "many", "other"],
};
const FORM = /_(zero|one|two|few|many|other)$/;
const PLACEHOLDER = /\{\{\s*(\w+)[^}]*\}\}/g;

/** Dotted keys with their texts. */
export function flatten(tree: Tree, prefix = ""): Map<string, string> {
  const flat = new Map<string, string>();
  for (const [key, value] of Object.entries(tree)) {
    const path = prefix === "" ? key : `${prefix}.${key}`;
    if (typeof value === "string") flat.set(path, value);
    else for (const [inner, text] of flatten(value, path)) flat.set(inner, text);
  }
  return flat;
}

/** Every fault of the catalogues in words; empty when each language is complete. */
export function catalogueFaults(catalogues: Readonly<Record<string, Tree>>): string[] {
  const faults: string[] = [];
  const reference = flatten(catalogues["en"] ?? {});
  // `login.too_many` is a word of ours; only what has an `_other` in English is a plural.
  const plural = new Set([...reference.keys()].filter((key) => key.endsWith("_other")).map((key) => key.replace(FORM, "")));
  const baseOf = (key: string): string => (plural.has(key.replace(FORM, "")) ? key.replace(FORM, "") : key);
  const wanted = new Set([...reference.keys()].map(baseOf));
  for (const [language, tree] of Object.entries(catalogues)) {
    const flat = flatten(tree);
    for (const key of wanted) {
      const forms = plural.has(key) ? (FORMS[language] ?? ["other"]).map((form) => `${key}_${form}`) : [key];
      for (const form of forms) if (!flat.has(form)) faults.push(`${language}: ${form} is missing`);
    }
    for (const [key, text] of flat) {
      const base = baseOf(key);
      if (!wanted.has(base)) faults.push(`${language}: ${key} is not in English`);
      if (text.trim() === "") faults.push(`${language}: ${key} is empty`);
      const [have, want] = [names(text), names(reference.get(key) ?? "")];
      if (reference.has(key) && have !== want) faults.push(`${language}: ${key} names {${have}}, English names {${want}}`);
    }
  }
  return faults;
}

function names(text: string): string {
  return [...new Set([...text.matchAll(PLACEHOLDER)].map((match) => match[1]))].sort().join(", ");
}
