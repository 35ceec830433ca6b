"""Environments: which exchange an account is on. Every account and every datum of a market belongs to exactly one."""

from __future__ import annotations

from typing import Literal, get_args

Environment = Literal["sim", "demo", "testnet", "live"]
ENVIRONMENTS: tuple[Environment, ...] = get_args(Environment)
