"""The simulated exchange: Bybit's V5 protocol on the wire, over a market of its own, with play money.

Lives here: everything it takes to be an exchange. It imports nothing else of Tradewright, because it is used to check
that code.
"""

from tradewright.simulator.config import SimulatorConfig, parse_fund
from tradewright.simulator.listening import Addresses
from tradewright.simulator.process import run_exchange
from tradewright.simulator.server import RunningSimulator, serve

__all__ = ["Addresses", "RunningSimulator", "SimulatorConfig", "parse_fund", "run_exchange", "serve"]
