/** The one-time code of the first-start link. */

/** Takes the code out of the address bar at once, so that it stays in no history, screenshot or shoulder's view. */
export function takeToken(): string | null {
  const token = decodeURIComponent(location.hash.replace(/^#/, "")).trim();
  if (token === "") return null;
  history.replaceState(history.state, "", location.pathname + location.search);
  return token;
}
