"""Shapes of notifications, their channels and rules."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tradewright.notify.model import Kind, Severity
from tradewright.web.schemas.base import IdText, Input, Output, UnixMs

Minute = Annotated[int, Field(ge=0, le=1439, description="Of the day, in the person's time zone")]


class Notification(Output):
    """What happened, without words: the page has them for `kind`, with `params` in them."""

    id: IdText
    kind: Kind
    severity: Severity
    params: dict[str, str]
    link: dict[str, str] = Field(description="Which object it is about: `kind`, `account_id`, and its ids")
    merged: int = Field(ge=1, description="How many facts it stands for")
    first_ms: UnixMs
    at_ms: UnixMs
    read_ms: UnixMs | None


class NotificationList(Output):
    """Newest first."""

    notifications: list[Notification]
    next: str | None = Field(description="For `before`, where there are older ones")
    unread: int = Field(description="At most 1,000 are counted")


class NotificationStanding(Output):
    """What the stream tells of a person's notifications: always whole."""

    kind: Literal["notifications"]
    unread: int
    newest: list[Notification]


class ReadAllBody(Input):
    until_ms: Annotated[UnixMs, Field(le=4_102_444_800_000)]


class ChannelFailure(Output):
    code: str
    params: dict[str, str]


class Channel(Output):
    """Where messages go. Its address is kept sealed and given back by nothing."""

    id: IdText
    name: str
    service: str
    created_ms: UnixMs
    tested_ms: UnixMs | None
    sent_ms: UnixMs | None
    failed_ms: UnixMs | None
    failure: ChannelFailure | None = Field(description="Of the last message, if it did not go through")


class ChannelBody(Input):
    # The bounds here only keep absurd input out; the rules with their own codes are in `notify.preferences`.
    name: Annotated[str, Field(max_length=256, description="What its owner knows it by")]
    address: Annotated[
        str,
        Field(
            max_length=1000,
            description="Of one of the services, such as tgram://",
            json_schema_extra={"writeOnly": True},
        ),
    ]


class ChannelTest(Output):
    failure: ChannelFailure | None = Field(description="Null: the service took the message")


class NotificationRule(Input):
    """Where facts of a kind go beside the page; unread for so long they go to one more channel."""

    kind: Kind
    channel_ids: Annotated[list[IdText], Field(max_length=10)]
    escalate_minutes: Annotated[int, Field(ge=1, le=1440)] | None
    escalate_channel_id: IdText | None


class SettingsBody(Input):
    """What a person wants, whole: kinds without a rule stay on the page."""

    version: Annotated[int, Field(ge=0, le=2**31 - 1, description="Of the settings that were read")]
    time_zone: Annotated[str, Field(max_length=64, description="Of the tz database, such as Europe/Berlin")]
    quiet_from: Minute | None
    quiet_to: Minute | None
    minimal_severity: Severity
    alive_at: Minute | None
    alive_channel_id: IdText | None
    rules: Annotated[list[NotificationRule], Field(max_length=40)]


class NotificationSettings(Output):
    version: int
    time_zone: str
    quiet_from: int | None
    quiet_to: int | None
    minimal_severity: Severity
    alive_at: int | None
    alive_channel_id: IdText | None
    rules: list[NotificationRule]
    channels: list[Channel]
    channels_maximum: int
    services: list[str] = Field(description="Schemas that an address may have")
