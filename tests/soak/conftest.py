"""Fixtures for soaks: a broker that may be hurt."""

from tests.chaos.conftest import node

__all__ = ["node"]
