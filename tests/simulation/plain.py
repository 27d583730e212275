"""Sealing and hashing without cryptography: it would be most of the time, and no run like the other."""

from gameserver.declare.base import Event
from gameserver.security.sealing import Sealer
from gameserver.security.tokens import token_hash


class PlainPasswords:
    """No hashing."""

    def hash(self, password: str) -> str:
        return f"hash of {password}"

    def verify(self, password_hash: str, password: str) -> bool:
        return password_hash == f"hash of {password}"

    def digest(self, token: str) -> str:
        return token_hash(token)


class PlainSealer(Sealer):
    """No sealing."""

    def __init__(self) -> None:
        pass

    def seal(self, event: Event) -> Event:
        return event

    def open(self, event: Event) -> Event:
        return event
