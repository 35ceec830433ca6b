"""Shapes of proving who one is: second steps, step-up, and what a person sets up for it."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from tradewright.web.schemas.base import NOTE_LENGTH_MAX, Input, Output, UnixMs
from tradewright.web.schemas.identity import PasswordText

CodeText = Annotated[str, Field(min_length=1, max_length=64, description="A one-time code or a recovery code")]
PasskeyName = Annotated[str, Field(min_length=1, max_length=NOTE_LENGTH_MAX, pattern=r"^\S[^\x00-\x1f\x7f]*$")]
PasskeyAnswer = Annotated[
    dict[str, Any], Field(description="What the browser's `PublicKeyCredential.toJSON()` gives, as it is")
]
PasskeyQuestion = Annotated[
    dict[str, Any], Field(description="For `PublicKeyCredential.parse…OptionsFromJSON()`, as it is")
]


class SecondStepBody(Input):
    """One of the two."""

    code: CodeText | None = None
    passkey: PasskeyAnswer | None = None


class PasskeyQuestionBody(Input):
    second: bool = Field(description="The second step of a login; false: log in by the passkey alone")


class PasskeyLoginBody(Input):
    passkey: PasskeyAnswer


class PasskeyAsked(Output):
    question: PasskeyQuestion


class StepUpBody(Input):
    """One of the three. Who has a second factor uses it."""

    password: PasswordText | None = None
    code: CodeText | None = None
    passkey: PasskeyAnswer | None = None


class SteppedUp(Output):
    until_ms: UnixMs = Field(description="Until then this session may do what needs a fresh proof")


class TotpState(Output):
    since_ms: UnixMs
    locked: bool = Field(description="Too many wrong codes in a row: none is taken until it is set up anew")


class PasskeyState(Output):
    id: UUID
    name: str
    host: str = Field(description="The host name it works on")
    works_here: bool
    synced: bool = Field(description="Kept by a password manager rather than in one device")
    suspect: bool = Field(description="Its counter went back: there may be a copy, so it is not taken any more")
    created_ms: UnixMs
    last_used_ms: UnixMs | None


class SecurityState(Output):
    """The ways in of who asks."""

    totp: TotpState | None
    passkeys: list[PasskeyState]
    recovery_left: int
    passkeys_refused: Literal["address", "insecure"] | None = Field(
        description="Why passkeys cannot be used where this page was opened; null where they can"
    )
    step_up_ways: list[Literal["password", "code", "recovery", "passkey"]]
    step_up_until_ms: UnixMs | None = Field(description="Null: the next thing that needs it asks for a proof")


class TotpEnrolment(Output):
    """Shown once."""

    secret: str
    uri: str = Field(description="The same as an `otpauth` address")
    qr: list[str] = Field(description="Its QR code, a line a row: 1 is dark, 0 light")


class TotpConfirmBody(Input):
    code: CodeText


class NewRecoveryCodes(Output):
    recovery_codes: list[str]


class FactorAdded(Output):
    recovery_codes: list[str] | None = Field(description="Shown once; null when there were some already")


class PasskeyBody(Input):
    name: PasskeyName
    passkey: PasskeyAnswer


class PasskeyNameBody(Input):
    name: PasskeyName
