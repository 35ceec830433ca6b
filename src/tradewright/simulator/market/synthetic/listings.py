"""Everything that one synthetic market lists, as things that can be asked for their prices.

Lives here: what is made of which spec, and who follows whom. Not here: the specs (`instruments`, `dated`, `many`), the
course of time (`synthetic`). BTCUSDT and ETHUSDT have a past of their own and come from outside; everything else needs
nothing but the seed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from tradewright.simulator.market.model import InstrumentSpec, Listing
from tradewright.simulator.market.synthetic.computed_symbol import ComputedSymbol
from tradewright.simulator.market.synthetic.following_contract import FollowingContract, Settling
from tradewright.simulator.market.synthetic.habits import FOLLOWED, HABITS, Habits, usd_per_coin, usual_price
from tradewright.simulator.market.synthetic.listed import Listed, Moment
from tradewright.simulator.market.synthetic.silent import SilentContract
from tradewright.simulator.market.synthetic.spot_pair import FollowingPair
from tradewright.simulator.market.synthetic.synthetic_symbol import SyntheticSymbol
from tradewright.simulator.market.synthetic.weather import Weather

Skies = Callable[[Listing, float], Weather]
"""The weather over a listing of this daily volatility."""


class Listings:
    """`lived` and `computed` make their prices, `followers` (by their leader) have them from those."""

    def __init__(
        self,
        lived: Mapping[Listing, SyntheticSymbol],
        *,
        habits: Mapping[Listing, Habits],
        seed: int,
        now_ms: int,
        skies: Skies,
        settling: Settling,
    ) -> None:
        """`habits` are those of what `HABITS` does not know; `settling` tells what dated contracts settle at."""
        self.lived: dict[Listing, SyntheticSymbol] = dict(lived)
        self.computed: dict[Listing, ComputedSymbol] = {}
        self.followers: dict[Listing, list[FollowingPair | FollowingContract]] = {}
        self._all: dict[Listing, Listed] = dict(lived)
        self._now = Moment(now_ms)
        self._habits = habits
        self._seed = seed
        self._skies = skies
        self._settling = settling

    def add(self, specs: Sequence[InstrumentSpec]) -> None:
        """List more. The leader of what follows one is among them or was listed before."""
        following: list[InstrumentSpec] = []
        for spec in specs:
            known = HABITS.get(spec.listing) or self._habits.get(spec.listing)
            if spec.status == "PreLaunch":
                self._all[spec.listing] = SilentContract(spec)
            elif known is not None:
                weather = self._skies(spec.listing, known.volatility)
                made = ComputedSymbol(spec, known, seed=self._seed, now=self._now, weather=weather)
                self.computed[spec.listing] = self._all[spec.listing] = made
            elif spec.listing not in self.lived:
                following.append(spec)
        for spec in following:
            leader = leader_of(spec)
            follower = self._follower(spec, self._all[leader])
            self.followers.setdefault(leader, []).append(follower)
            self._all[spec.listing] = follower

    def __contains__(self, listing: Listing) -> bool:
        return listing in self._all

    def __getitem__(self, listing: Listing) -> Listed:
        return self._all[listing]

    def close(self, now_ms: int) -> None:
        """Market time is `now_ms` now."""
        self._now.ms = now_ms
        for symbol in self.lived.values():
            symbol.close_bar(now_ms)

    def _follower(self, spec: InstrumentSpec, leader: Listed) -> FollowingPair | FollowingContract:
        usual = usual_price(leader.spec) / _coins(spec, leader.spec)
        if spec.is_spot:
            return FollowingPair(spec, leader, seed=self._seed, usual_price=usual)
        return FollowingContract(
            spec,
            leader,
            seed=self._seed,
            usual_price=usual,
            usd_per_coin=usd_per_coin(spec),
            now=self._now,
            settling=self._settling,
        )


def leader_of(spec: InstrumentSpec) -> Listing:
    """The contract whose price a listing follows: that of its coin unless the table says otherwise."""
    return FOLLOWED.get(spec.listing) or f"{spec.base_coin}USDT"


def _coins(spec: InstrumentSpec, leader: InstrumentSpec) -> Decimal:
    """How many coins of the follower one of the leader bundles: a power of ten, the ratio of their ticks."""
    return leader.tick_size / spec.tick_size if spec.base_coin != leader.base_coin else Decimal(1)
