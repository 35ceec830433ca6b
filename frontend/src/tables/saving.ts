/** Files that the page hands to the browser. */

/** Hands a file to the browser as a download. */
export function save(file: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  // Not at once: some browsers begin to read the address only after this turn.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
