"""What must hold of every answer, and what a request may have written.

Lives here: `Judge`. It knows the contract document's shapes by the models they are made from, and which operations
write what. Not here: how writes are seen (`lanes`), what must hold at the end of it all (`world`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from fuzz.lanes import Answer, Wrote
from fuzz.requests import Request
from fuzz.values import CANARY, Schema
from tradewright.web.schemas.base import Output
from tradewright.web.schemas.problems import ProblemDocument

# Looks like a read to the person who asks: no row of it, whatever the answer.
_WRITES_NO_ROW = frozenset({"previewOrder", "reconcileAccount"})
_MAY_ALWAYS = frozenset({"UPDATE sessions"})  # that it was used; at most once a minute
# A wrong password is counted, a right one is not any more: that is what a refused login is for.
_TRIES = frozenset({"INSERT login_attempts", "DELETE login_attempts"})
_REFUSED_CODE = _TRIES | {"INSERT audit_entries"}  # a wrong code is noted: who tries it knew more than anybody
_QUESTION = frozenset({"INSERT passkey_challenges", "UPDATE passkey_challenges", "DELETE passkey_challenges"})
_MAY_WHEN_REFUSED = {
    "login": _TRIES,
    "changePassword": _TRIES,
    "stepUp": _REFUSED_CODE | _QUESTION,
    "loginSecond": _REFUSED_CODE | _QUESTION,
    "loginByPasskey": _QUESTION,
    "addPasskey": _QUESTION,
}
# An entry of the audit trail is linked into its chain by the database, with the entry and never without.
_LINKS = frozenset({"INSERT audit_links", "INSERT audit_heads", "UPDATE audit_heads"})
_NOTED_READS = {"exportAudit": frozenset({"INSERT audit_entries"})}  # who takes the whole trail along is in it
# What is asked of a passkey is no deed: nothing is done until it has answered.
_NO_DEED = _QUESTION | _TRIES
_OPEN_TO_NOBODY = frozenset(
    {"healthz", "readyz", "readSession", "login", "claim", "askLoginPasskey", "readInvitation", "joinAsNew",
     "setPasswordByLink"}
)  # fmt: skip
_OWN_WAYS_IN = frozenset(
    {"login", "logout", "claim", "stepUp", "askStepUpPasskey", "askLoginPasskey", "changePassword", "beginTotp",
     "confirmTotp", "removeTotp", "makeRecoveryCodes", "askNewPasskey", "addPasskey", "renamePasskey", "removePasskey",
     "postToken", "revokeToken", "chooseWorkspace", "createWorkspace", "acceptInvitation", "readInvitation",
     "joinAsNew", "endSession", "endOtherSessions", "setPasswordByLink"}
)  # fmt: skip
_OPEN_TO_VIEWERS = _OWN_WAYS_IN | {"checkSpec", "explainSpec", "diffSpecs"}  # nothing is kept
_CANARY = CANARY.lower().encode()


class Judge:
    def __init__(self, document: Schema) -> None:
        models = {model.__name__: model for model in _outputs(Output)}
        self._answers: dict[tuple[str, int], TypeAdapter[Any] | str] = {}  # a shape, or a media type alone
        for operation in [each for methods in document["paths"].values() for each in methods.values()]:
            for status, said in operation["responses"].items():
                if status != "default" and int(status) < 400:
                    self._answers[operation["operationId"], int(status)] = _shape(said.get("content", {}), models)
        self._problem = TypeAdapter(ProblemDocument)

    def faults(self, request: Request, answer: Answer, wrote: Wrote) -> Iterator[str]:
        """Everything that is wrong with what came of a request; each begins with a word for its kind."""
        if answer.fault:
            yield f"hang or crash: {answer.fault}"
            return
        if request.operation.id == "readyz" and request.method in ("GET", "HEAD") and answer.status == 503:
            pass  # it says that there is no worker, and there is none in this world
        elif answer.status >= 500:
            yield f"5xx: {answer.status} {answer.body[:300]!r}"
        elif answer.status >= 400:
            yield from self._problem_faults(request, answer)
        else:
            yield from self._success_faults(request, answer)
        yield from self._write_faults(request, answer, wrote)
        if "content-security-policy" not in answer.headers or "nosniff" not in answer.headers.get(
            "x-content-type-options", ()
        ):
            yield "unprotected: the answer lacks security headers"
        if _CANARY in answer.body.lower() or _CANARY.decode() in str(answer.headers).lower():
            yield f"secret told: {answer.status} {answer.body[:500]!r}"

    def _problem_faults(self, request: Request, answer: Answer) -> Iterator[str]:
        if request.method == "HEAD":
            return
        if answer.media_type != "application/problem+json":
            yield f"no problem document: {answer.status} with {answer.media_type!r}"
            return
        try:
            said = self._problem.validate_json(answer.body, strict=True)
        except ValidationError as error:
            yield f"problem document out of shape: {str(error)[:300]} in {answer.body[:300]!r}"
            return
        if said.status != answer.status:
            yield f"problem document out of shape: it says {said.status}, the answer {answer.status}"

    def _success_faults(self, request: Request, answer: Answer) -> Iterator[str]:
        operation = request.operation
        if request.method != operation.method:
            return  # of another operation at this path, or of none
        if request.who == "nobody" and operation.id not in _OPEN_TO_NOBODY:
            yield f"let in: nobody is answered {answer.status}"
        if request.who == "viewer" and operation.method == "POST" and operation.id not in _OPEN_TO_VIEWERS:
            yield f"let in: a viewer is answered {answer.status}"
        key = (operation.id, answer.status)
        if key not in self._answers:
            yield f"answer not in the document: {answer.status}"
            return
        shape = self._answers[key]
        if isinstance(shape, str):
            if answer.media_type != shape or (not shape and answer.body):
                yield f"answer out of shape: {answer.status} with {answer.media_type!r}, the document says {shape!r}"
            return
        try:
            shape.validate_json(answer.body, strict=True)
        except ValidationError as error:
            yield f"answer out of shape: {answer.status}: {str(error)[:400]} in {answer.body[:300]!r}"

    def _write_faults(self, request: Request, answer: Answer, wrote: Wrote) -> Iterator[str]:
        rows = set(wrote.rows) - _MAY_ALWAYS
        operation = request.operation.id
        if "INSERT audit_entries" in rows:
            rows -= _LINKS
        if answer.status < 400:
            rows -= _NOTED_READS.get(operation, frozenset())
        if answer.status >= 400:
            rows -= _MAY_WHEN_REFUSED.get(operation, frozenset())
            if rows:
                yield f"partial effect: refused with {answer.status}, and yet {sorted(rows)}"
            if wrote.hints:
                yield f"partial effect: refused with {answer.status}, and yet {wrote.hints} notifications"
        elif (request.method in ("GET", "HEAD") or operation in _WRITES_NO_ROW) and rows:
            yield f"a read wrote: {sorted(rows)}"
        elif request.manner == "again" and (rows or wrote.hints):
            yield f"done twice: the same request again wrote {sorted(rows)} and told {wrote.hints} times"
        elif request.manner == "changed" and "INSERT intents" in rows and operation == "postIntent":
            yield f"done twice: a used id with another body wrote {sorted(rows)}"
        elif rows - _NO_DEED and "INSERT audit_entries" not in rows:
            yield f"unaudited: {sorted(rows)} without an audit entry"


def _shape(content: Schema, models: Mapping[str, type[Output]]) -> TypeAdapter[Any] | str:
    if "application/json" not in content:
        return next(iter(content), "")
    return TypeAdapter(models[content["application/json"]["schema"]["$ref"].rpartition("/")[2]])


def _outputs(model: type[Output]) -> Iterator[type[Output]]:
    """Every shape of an answer: a component of the document has the name of the class that it was made from."""
    for each in model.__subclasses__():
        yield each
        yield from _outputs(each)
