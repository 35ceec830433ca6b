"""How far the texts of a page stand out from what is painted behind them, as the browser has computed both.

Lives here: `texts` and the bound of WCAG. Not here: which texts must be readable when.
"""

from __future__ import annotations

from typing import Any

from e2e.conftest import Terminal

READABLE = 4.5  # WCAG 2.2, 1.4.3: text of ordinary size

# Each text that stands on the page within the selector, with its contrast to what is painted behind it. The bars of the
# book lie between text and ground without being its parents, so they are looked for by their place.
_TEXTS = """(selector) => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = canvas.getImageData(0, 0, 1, 1).data;
    return [red, green, blue, alpha / 255];
  };
  const over = ([r, g, b, a], [x, y, z]) => [r * a + x * (1 - a), g * a + y * (1 - a), b * a + z * (1 - a)];
  const luminance = (colour) => {
    const [r, g, b] = colour.map((p) => (p / 255 <= 0.04045 ? p / 255 / 12.92 : ((p / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    const layers = [];
    for (let at = element; at !== null; at = at.parentElement) layers.push(rgba(getComputedStyle(at).backgroundColor));
    let below = layers.reverse().reduce((seen, layer) => over(layer, seen), [255, 255, 255]);
    const bar = element.closest(".book-row")?.querySelector(".depth");
    if (bar) {
      const style = getComputedStyle(bar);
      const [r, g, b] = rgba(style.backgroundColor);
      below = over([r, g, b, Number(style.opacity)], below);
    }
    return below;
  };
  const opacity = (element) => {
    let share = 1;
    for (let at = element; at !== null; at = at.parentElement) share *= Number(getComputedStyle(at).opacity);
    return share;
  };
  const own = (element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
  return [...document.querySelectorAll(selector)]
    .flatMap((part) => [part, ...part.querySelectorAll("*")])
    .filter((element) => own(element) && element.checkVisibility({ visibilityProperty: true }))
    .filter((element) => !element.closest(":disabled, .visually-hidden"))
    .map((element) => {
      const below = ground(element);
      const [r, g, b, a] = rgba(getComputedStyle(element).color);
      const text = over([r, g, b, a * opacity(element)], below);
      const [low, high] = [luminance(text), luminance(below)].sort((one, other) => one - other);
      const place = element.closest("[data-testid]")?.dataset.testid ?? "";
      const colour = Math.max(r, g, b) - Math.min(r, g, b);
      return { text: element.textContent.trim().slice(0, 40), place, contrast: (high + 0.05) / (low + 0.05), colour };
    });
}"""


def texts(desk: Terminal, selector: str) -> list[dict[str, Any]]:
    """`{"text": …, "place": a test id, "contrast": 1 to 21, "colour": 0 for grey to 255}` of each text within what the
    selector finds."""
    found: list[dict[str, Any]] = desk.page.evaluate(_TEXTS, selector)
    return found
