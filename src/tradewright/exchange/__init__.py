"""The ports that trading and market data need of an exchange, and `bybit`, which implements them."""
