"""The one typed settings object: environment variables `TRADEWRIGHT_*`, then `HOME/tradewright.toml`, then defaults.

Lives here: `Settings`, and by which address the page is reached. Not here: the places of files below HOME (`places`),
addresses of other environments (`hosts`), reading (`loading`), who uses them; only `app` hands them on.
"""

from __future__ import annotations

import os
import re
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from tradewright.core.errors import StartError
from tradewright.settings.hosts import Hosts, Proxies
from tradewright.settings.places import Places, one_by_one, with_whole_path

SETTINGS_FILE = "tradewright.toml"


class Settings(Places, BaseSettings):
    """What an installation may be told. Each field's environment variable is its name with `TRADEWRIGHT_` before it."""

    model_config = SettingsConfigDict(
        env_prefix="TRADEWRIGHT_",
        env_nested_delimiter="__",  # e.g. TRADEWRIGHT_HOSTS__DEMO__REST
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        populate_by_name=True,
    )

    home: Path = Field(default_factory=lambda: Path.home() / ".tradewright")
    host: str = "127.0.0.1"
    port: int = Field(8787, ge=1, le=65535)
    # Beyond loopback, one of three; see `app.reach`.
    tls_cert: Path | None = None
    tls_key: Path | None = None
    behind_proxy: str = ""  # addresses or networks of the proxies whose word counts
    insecure_lan: bool = False
    names: str = ""  # that the page is reached by, beside localhost: trade.example.org
    outbound_allow: str = ""  # private hosts and networks that webhooks and models may be at; see `outbound.addresses`
    database_url: SecretStr | None = None
    database_direct_url: SecretStr | None = None  # for LISTEN and advisory locks, when `database_url` is a pooler's
    # synthetic[:N] | mirror[@category:SYMBOL] | replay:FILE@category:SYMBOL, the last two as often as wanted: `markets`
    market: str = "synthetic"
    market_from: str | None = Field(None, validation_alias="TRADEWRIGHT_FROM")
    seed: int = Field(1, ge=0)
    speed: Decimal = Field(Decimal(1), gt=0, le=10_000)
    placement: Literal["single"] = "single"
    real_trading: Literal["on", "off"] = "off"  # whether live accounts may be added and armed; see `connections.arming`
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["text", "json"] = "text"
    open_browser: bool = True
    settling_margin_s: Decimal = Field(Decimal(15), ge=0, le=600)  # see `trading.resolution`
    gate_s: float = Field(6, gt=0, le=60)  # see `placement.gate`
    lease_s: float = Field(12, gt=0, le=300)
    watchdog_s: float = Field(10, ge=3, le=300)  # a worker that does not beat for so long is killed and started anew
    protection_grace_s: Decimal = Field(Decimal(2), ge=0, le=60)  # see `trading.guardian`
    protection_flatten_after_s: Decimal = Field(Decimal(30), ge=1, le=3600)
    backtests_at_once: int = Field(1, ge=1, le=64)  # of one jobs process, each on a core; see `backtests`
    # last: only while nobody else wants the processor; behind: with the smallest share of it. See `process.priority`
    backtests_place: Literal["last", "behind"] = "last"
    backtests_waiting: int = Field(5, ge=1, le=10_000)  # or running, of a user; a workspace has four times that
    backtest_cpu_s: int = Field(300, ge=1, le=86_400)  # computing time of one
    backtest_memory_mb: int = Field(1024, ge=256, le=1_048_576)  # of one
    backtest_cpu_s_a_day: int = Field(3_600, ge=1, le=8_640_000)  # of a user; a workspace has four times that
    # Where the keyrings are: file (in HOME/vault) | env:VARIABLE | command:WORDS, see `vault.sources`
    vault_keys: str = Field("file", pattern=r"^(file|env:[A-Za-z_][A-Za-z0-9_]*|command:.+)$")
    vault_service_keys: str = Field("file", pattern=r"^(file|env:[A-Za-z_][A-Za-z0-9_]*|command:.+)$")
    session_idle_hours: int = Field(12, ge=1, le=24 * 30)  # without use, until a session has ended; see `identity`
    session_days: int = Field(30, ge=1, le=365)  # at most, however much it is used
    workspaces_of_user: int = Field(5, ge=0, le=1_000)  # that a person may make
    # Of a workspace, and as much of each person in one, until the operator says otherwise there; see `identity.quotas`.
    quota_connections: int = Field(50, ge=0, le=10_000)
    quota_orders_a_minute: int = Field(3_000, ge=0, le=1_000_000)
    quota_notional_usd_a_day: Decimal = Field(Decimal(100_000_000), ge=0, le=10**12)
    quota_bots_running: int = Field(20, ge=0, le=10_000)
    quota_assistant_usd_a_month: Decimal = Field(Decimal(50), ge=0, le=1_000_000)
    runs_at_once: int = Field(100, ge=0, le=100_000)  # of bots, in the whole installation; see `bots.admission`
    run_events_days: int = Field(0, ge=0, le=36_500)  # that events of ended runs are kept; 0: for ever
    audit_heads: Path | None = None  # where the heads of the audit trail's chains are kept; HOME/audit/heads.jsonl
    audit_webhook: SecretStr | None = None  # and where they are sent
    audit_export_s: float = Field(60, ge=1, le=86_400)
    hosts: Hosts = Hosts()
    proxy: Proxies = Proxies()

    @field_validator("home")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        return home.expanduser().absolute()

    @field_validator("audit_heads")
    @classmethod
    def _absolute_heads(cls, file: Path | None) -> Path | None:
        return None if file is None else file.expanduser().absolute()

    @field_validator("audit_webhook")
    @classmethod
    def _web_address(cls, address: SecretStr | None) -> SecretStr | None:
        if address is not None and not re.fullmatch(r"https?://[^\s/]+(/\S*)?", address.get_secret_value()):
            raise ValueError("expected an address that begins with https:// or http://")
        return address

    @field_validator("market", mode="before")
    @classmethod
    def _market_in_one_line(cls, market: Any) -> Any:
        """The settings file may have a list."""
        if isinstance(market, list) and all(isinstance(one, str) for one in market):
            return ",".join(market)
        return market

    @field_validator("market")
    @classmethod
    def _market_by_its_whole_path(cls, market: str) -> str:
        """The same recording is the same market from whatever folder it is named."""
        return ",".join(map(with_whole_path, one_by_one(market)))

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        # HOME decides where the file is, so it comes from the command line or the environment alone.
        given = init_settings().get("home") or os.environ.get("TRADEWRIGHT_HOME") or Path.home() / ".tradewright"
        file = TomlConfigSettingsSource(settings_cls, Path(given).expanduser() / SETTINGS_FILE)
        unknown = sorted(set(file.toml_data) - set(settings_cls.model_fields))
        if unknown:
            # A setting that is misspelt would silently not hold.
            allowed = ", ".join(settings_cls.model_fields)
            raise StartError(f"{SETTINGS_FILE} in HOME sets {', '.join(unknown)}; allowed are {allowed}", exit_code=2)
        return init_settings, env_settings, file

    @property
    def page_url(self) -> str:
        """The address for a person: a name, localhost where no other was given, because passkeys are refused on an
        IP."""
        names = re.split(r"[,\s]+", self.names.strip())
        if self.behind_proxy and names[0]:
            return f"https://{names[0]}"
        scheme = "http" if self.tls_cert is None else "https"
        return f"{scheme}://{names[0] or 'localhost'}:{self.port}"

    @property
    def own_host(self) -> str:
        """Where this machine itself reaches the page."""
        every = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # to reach it, not to listen there
        return every.get(self.host, self.host)
