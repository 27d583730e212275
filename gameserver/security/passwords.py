"""Passwords, stored as argon2id hashes (RFC 9106).

One password can be typed as different code points: "é" is one on most keyboards and two on some (NFC and NFD of
Unicode's annex 15). So what is hashed is its NFC form, as RFC 8265 (OpaqueString) asks for.
"""

import unicodedata

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
        return self._hasher.hash(_normalized(password))

    def verify(self, password_hash: str, password: str) -> bool:
        """Check whether the hash was made from the password; it costs as much as ``hash``.

        Hashes of older releases were made from the code points as typed: those are tried where they differ, at the
        price of a second hash.
        """
        return any(self._matches(password_hash, form) for form in dict.fromkeys([_normalized(password), password]))

    def _matches(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except argon2.exceptions.VerificationError:
            return False

    def digest(self, token: str) -> str:
        """Compute the hash under which a token is stored."""
        return token_hash(token)


def _normalized(password: str) -> str:
    return unicodedata.normalize("NFC", password)
