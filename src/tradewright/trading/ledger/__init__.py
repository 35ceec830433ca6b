"""The PnL ledger of an account: what every coin came of, and whether that is what the exchange says."""
