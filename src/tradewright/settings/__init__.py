"""What an installation may be told, and where its files are. What others import is named here."""

from __future__ import annotations

from tradewright.settings.hosts import PROXY_SCHEMES, HostSetting
from tradewright.settings.loading import load
from tradewright.settings.model import SETTINGS_FILE, Settings

__all__ = ["PROXY_SCHEMES", "SETTINGS_FILE", "HostSetting", "Settings", "load"]
