"""Passwords, stored as argon2id hashes (RFC 9106)."""

import argon2

from gameserver.security.tokens import token_hash


class Argon2Passwords:
    """Hashes and verifies with RFC 9106's parameters for memory-constrained hosts, but half the memory.

    It also hashes tokens, so that a rule that prepares an entrance needs this one object.
    """

    def __init__(self, time_cost: int = 3, memory_kib: int = 32_768) -> None:
        self._hasher = argon2.PasswordHasher(time_cost=time_cost, memory_cost=memory_kib, parallelism=1)

    def hash(self, password: str) -> str:
        """Compute a salted hash; it costs some 40 ms of CPU."""
        return self._hasher.hash(password)

    def verify(self, password_hash: str, password: str) -> bool:
        """Check whether the hash was made from the password; it costs as much as ``hash``."""
        try:
            return self._hasher.verify(password_hash, password)
        except argon2.exceptions.VerificationError:
            return False

    def digest(self, token: str) -> str:
        """Compute the hash under which a token is stored."""
        return token_hash(token)
