"""`python -m tradewright` is `tradewright`."""

from tradewright.app import main

main()
