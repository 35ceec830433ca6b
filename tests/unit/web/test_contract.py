"""The contract document: committed as it is, and a schema for every answer."""

from __future__ import annotations

import json
from pathlib import Path

from tradewright.core.order_status import STATUS_TABLE
from tradewright.web.openapi import contract_text

COMMITTED = Path(__file__).parents[3] / "frontend" / "openapi.json"


def test_the_committed_contract_is_the_applications_own() -> None:
    """When this fails: `python -m tradewright.web.openapi > frontend/openapi.json`, then generate the page's types."""
    assert COMMITTED.read_text() == contract_text()


def test_every_answer_has_a_schema_and_every_fault_is_a_problem_document() -> None:
    document = json.loads(contract_text())
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert "default" in operation["responses"]
            for status, answer in operation["responses"].items():
                about = f"{method} {path} {status}"
                if status == "204":
                    assert "content" not in answer, about
                    continue
                ((media_type, content),) = answer["content"].items()
                if media_type == "text/csv":
                    assert content["schema"] == {"type": "string"}, about
                    continue
                assert content["schema"]["$ref"].startswith("#/components/schemas/"), about
                is_problem = content["schema"]["$ref"].endswith("ProblemDocument")
                assert is_problem == (media_type == "application/problem+json"), about
                if not is_problem:
                    assert status in ("200", "201", "202") or path == "/readyz", about


def test_references_lead_somewhere_and_no_answer_leaves_a_field_out() -> None:
    document = json.loads(contract_text())
    schemas = document["components"]["schemas"]
    for reference in _references(document):
        assert reference.removeprefix("#/components/schemas/") in schemas, reference
    for name in ("Order", "Position", "Fill", "Balances", "Account", "Ticker", "Instrument", "SessionState"):
        assert set(schemas[name]["required"]) == set(schemas[name]["properties"]), name


def test_what_is_of_one_workspace_may_answer_that_the_page_shows_another() -> None:
    """All that needs somebody signed in, but for what is about the person and not about a workspace."""
    document = json.loads(contract_text())
    silent = {
        path
        for path, operations in document["paths"].items()
        for operation in operations.values()
        if "401" in operation["responses"] and "409" not in operation["responses"]
    }
    of_the_person = ("/login", "/session", "/sessions", "/profile", "/workspaces", "/invitations/")
    assert {path for path in silent if not path.removeprefix("/api/v1").startswith(of_the_person)} == set()
    assert "409" in document["paths"]["/api/v1/kill"]["post"]["responses"]


def test_the_contract_knows_every_status_of_the_one_table() -> None:
    schemas = json.loads(contract_text())["components"]["schemas"]
    assert schemas["Order"]["properties"]["status"]["enum"] == [row.status for row in STATUS_TABLE]


def _references(node: object) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [each for value in node.values() for each in _references(value)]
    if isinstance(node, list):
        return [each for value in node for each in _references(value)]
    return []
