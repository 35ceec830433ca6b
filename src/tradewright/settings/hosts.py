"""Where other environments are reached than at Bybit's own addresses, and by which proxy: parts of the settings."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")
_HOST = r"([a-z0-9-]+(\.[a-z0-9-]+)*|\[[0-9a-f:.]+\])(:[0-9]{1,5})?"
_PATH = r"(/[A-Za-z0-9._~-]+)*"  # never a slash at the end: paths are put behind it


class HostSetting(BaseModel):
    """Addresses of one environment in the place of Bybit's own, e.g. of a simulated exchange started as that one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rest: Annotated[str | None, Field(pattern=rf"^https?://{_HOST}{_PATH}$")] = None
    public_stream: Annotated[str | None, Field(pattern=rf"^wss?://{_HOST}{_PATH}$")] = None
    private_stream: Annotated[str | None, Field(pattern=rf"^wss?://{_HOST}{_PATH}$")] = None


class Hosts(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    demo: HostSetting = HostSetting()
    testnet: HostSetting = HostSetting()
    live: HostSetting = HostSetting()


class Proxies(BaseModel):
    """A proxy for each environment, `http://user:password@host:port` or `socks5://…`; a connection may name another."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    demo: SecretStr | None = None
    testnet: SecretStr | None = None
    live: SecretStr | None = None

    @field_validator("demo", "testnet", "live")
    @classmethod
    def _checked(cls, proxy: SecretStr | None) -> SecretStr | None:
        if proxy is not None and not re.fullmatch(rf"({'|'.join(PROXY_SCHEMES)})://\S+", proxy.get_secret_value()):
            raise ValueError(f"expected an address that begins with one of {', '.join(PROXY_SCHEMES)} and ://")
        return proxy
