/** A typed price as the server takes it: spaces are passed over, a comma is a point; null of what is no price. */
export function plainPrice(typed: string): string | null {
  const text = typed.replace(/[\s\u00a0\u202f]/g, "").replace(",", ".");
  return /^\d{1,24}(\.\d{1,18})?$/.test(text) && /[1-9]/.test(text) ? text : null;
}
