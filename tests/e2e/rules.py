"""What a rule scan of a page finds against accessibility: axe's rules of WCAG 2.0 to 2.2 A and AA, and good habits.

Lives here: `Scan`, by the page's own browser. Not here: which pages are looked at in which look.
"""

from __future__ import annotations

from typing import Any

from e2e.conftest import Terminal
from support.peers import peers_node

_RUN = """async (tags) => {
  const found = await axe.run(document, { runOnly: { type: 'tag', values: tags }, resultTypes: ['violations'] });
  return {
    passed: found.passes.length,
    violations: found.violations.flatMap((rule) => rule.nodes.map((node) => ({
      rule: rule.id, where: node.target.join(' '), what: node.failureSummary, html: node.html.slice(0, 200),
    }))),
  };
}"""
_TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")


class Scan:
    """Reads axe once; `violations` scans what a page shows now."""

    def __init__(self) -> None:
        _, home = peers_node("axe")
        self._source = (home / "node_modules" / "axe-core" / "axe.min.js").read_text()

    def violations(self, terminal: Terminal) -> list[dict[str, Any]]:
        """`{"rule": …, "where": a selector, "what": …, "html": …}` of each element that breaks one."""
        # Through the debugger, which the page's policy against foreign scripts does not concern.
        terminal.page.evaluate(self._source)
        said = terminal.page.evaluate(_RUN, list(_TAGS))
        assert said["passed"] > 10, "the scan looked at next to nothing"
        found: list[dict[str, Any]] = said["violations"]
        return found
