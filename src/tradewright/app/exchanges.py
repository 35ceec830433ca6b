"""Where each exchange is: the simulated one by its ready file, Bybit's by settings or by what its documentation says.

Lives here: `ExchangePlaces`. Not here: the data (`exchange.bybit.environments`), who is where (`connections`).
"""

from __future__ import annotations

from dataclasses import replace

from tradewright.app.ground import simulated_endpoints
from tradewright.core.environment import Environment
from tradewright.core.errors import ExchangeUnavailable, StartError
from tradewright.exchange.bybit.address import OWNER_SHARE, PAGE_SHARE, Address, Addresses
from tradewright.exchange.bybit.environments import ENVIRONMENTS, USUAL_REGION, RemoteEnvironment
from tradewright.exchange.bybit.hosts import ENDPOINT_KINDS, belongs_elsewhere
from tradewright.exchange.bybit.proxy import BadProxy, Proxy, proxy_or_none
from tradewright.exchange.bybit.silence_file import SilenceFile
from tradewright.exchange.ports import Endpoints, EndpointSource
from tradewright.settings import HostSetting, Settings
from tradewright.system import SystemClock


class ExchangePlaces:
    """Addresses and proxies of every environment, as the settings in force have them.

    Raises `StartError` (exit code 2) for a proxy's address that cannot be read, and for a host that is Bybit's for
    another environment: "demo" at a host of real money would pass every gate before real money.
    `owns_accounts`: this process sends orders, so it has the larger part of what one address may ask.
    """

    def __init__(self, settings: Settings, *, owns_accounts: bool = False) -> None:
        self._settings = settings
        for environment in ENVIRONMENTS:
            self._refuse_hosts_of_others(environment)
            try:
                proxy_or_none(self.proxy(environment))
            except BadProxy as fault:
                raise StartError(f"TRADEWRIGHT_PROXY__{environment.upper()}: {fault}", exit_code=2) from None
        self._simulated = simulated_endpoints(settings)
        share, clock = OWNER_SHARE if owns_accounts else PAGE_SHARE, SystemClock()
        self._addresses = Addresses(clock, share, SilenceFile(settings.home / "exchange_silence.json"))
        self._simulated_address = Address(clock, share=share, name="sim")

    def endpoints(self, environment: Environment, region: str = USUAL_REGION) -> EndpointSource:
        """Where the accounts of an environment are; a host that is set stands in the place of every region's.

        The source raises `ExchangeUnavailable` while the simulated exchange has not said where it listens.
        Raises `ExchangeUnavailable` for a region that the environment does not have.
        """
        if environment == "sim":
            return self._simulated
        found = self._remote(environment, region)
        return lambda: found

    def public_endpoints(self, environment: Environment) -> EndpointSource:
        """Where the environment's public data are: demo has the real market's unless set otherwise."""
        if environment == "demo" and self._setting("demo").public_stream is None:
            return self.endpoints("live")
        return self.endpoints(environment)

    def proxy(self, environment: Environment) -> str | None:
        """The proxy of an environment's public data, and of its connections that name none; may hold a password."""
        if environment == "sim":
            return None
        proxy = getattr(self._settings.proxy, environment)
        return None if proxy is None else str(proxy.get_secret_value())

    def address(self, environment: Environment, proxy: Proxy | None) -> Address:
        """Where this process's requests come from, behind `proxy`: what may be asked from there, and the silence after
        Bybit blocked it. The simulated exchange counts and blocks for itself alone."""
        return self._simulated_address if environment == "sim" else self._addresses.of(proxy)

    def _remote(self, environment: RemoteEnvironment, region: str) -> Endpoints:
        regions = ENVIRONMENTS[environment].regions
        if region not in regions:
            allowed = ", ".join(regions)
            raise ExchangeUnavailable(f"{environment} has no regional host {region!r}; allowed are {allowed}")
        setting = self._setting(environment)
        given = {name: value for name in ENDPOINT_KINDS if (value := getattr(setting, name)) is not None}
        return replace(regions[region], **given)

    def _refuse_hosts_of_others(self, environment: RemoteEnvironment) -> None:
        for kind in ENDPOINT_KINDS:
            address = getattr(self._setting(environment), kind)
            owner = None if address is None else belongs_elsewhere(address, kind, environment)
            if owner is not None:
                name = f"TRADEWRIGHT_HOSTS__{environment.upper()}__{kind.upper()}"
                raise StartError(
                    f"{name} is {address}, a host of Bybit's {owner} environment, so {environment} would be {owner}"
                    f" under another name; leave it empty for Bybit's own {environment}, or name a simulated exchange",
                    exit_code=2,
                )

    def _setting(self, environment: RemoteEnvironment) -> HostSetting:
        setting: HostSetting = getattr(self._settings.hosts, environment)
        return setting
