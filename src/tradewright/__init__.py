"""Tradewright: a self-hosted trading terminal for Bybit."""
