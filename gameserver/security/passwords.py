"""Passwords, stored as argon2id hashes (RFC 9106).

One password can be typed as different code points: "é" is one on most keyboards and two on some (NFC and NFD of
Unicode's annex 15), and a space is another one where a key beside it is held, or in Japanese. So what is hashed is its
form by RFC 8265 (OpaqueString): NFC, and any space for an ASCII one. Wide letters stay different from narrow ones.
"""

import unicodedata
from collections.abc import Iterable

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

        Hashes of older releases were made from other forms: those are tried where they differ, at the price of a hash
        each.
        """
        return any(self._matches(password_hash, form) for form in _forms(password))

    def _matches(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except argon2.exceptions.VerificationError:
            return False

    def digest(self, token: str) -> str:
        """Compute the hash under which a token is stored."""
        return token_hash(token)


def _normalized(password: str) -> str:
    spaced = "".join(" " if unicodedata.category(c) == "Zs" else c for c in password)
    return unicodedata.normalize("NFC", spaced)


def _forms(password: str) -> Iterable[str]:
    """All that may have been hashed for what was typed, each once: today's form, and those of older releases."""
    return dict.fromkeys((_normalized(password), unicodedata.normalize("NFC", password), password))
