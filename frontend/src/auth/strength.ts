/** How good a password is, by its length alone: rules of composition make passwords worse. */
export const PASSWORD_LENGTH_MIN = 12;

export type Strength = { readonly word: "weak" | "fair" | "good" | "strong"; readonly missing: number; readonly part: number };

export function strengthOf(password: string): Strength {
  const length = [...password].length;
  const missing = Math.max(0, PASSWORD_LENGTH_MIN - length);
  const part = Math.min(1, length / 24);
  if (missing > 0) return { word: "weak", missing, part };
  if (length < 16) return { word: "fair", missing, part };
  if (length < 20) return { word: "good", missing, part };
  return { word: "strong", missing, part };
}
