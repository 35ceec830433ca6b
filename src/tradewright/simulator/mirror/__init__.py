"""The live mirror: a market that repeats Bybit's public one as it happens, so that play money meets real prices.

Lives here: reading public REST and streams, and the `Market` made of them. Not here: orders and fills, which stay this
exchange's own. Nothing is ever sent but public reads: no key, no order.
"""

from tradewright.simulator.mirror.market import MirrorMarket
from tradewright.simulator.mirror.upstream import Mirror, MirrorHosts, MirrorUnreachable, read_wish

__all__ = ["Mirror", "MirrorHosts", "MirrorMarket", "MirrorUnreachable", "read_wish"]
