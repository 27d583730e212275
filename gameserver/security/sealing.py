"""Secrets on their way: sealed by the gateway, opened by the process, unreadable in the queue, in logs and in Flower.

Sealing is Fernet (AES-128-CBC with HMAC-SHA256, https://github.com/fernet/spec) with a key that gateways and workers
share; tokens are never sent at all, only their SHA-256; passwords are kept as argon2id hashes (RFC 9106).
"""

import hashlib
from pathlib import Path

import argon2
from cryptography.fernet import Fernet, InvalidToken
from msgspec.structs import replace

from gameserver.declare.base import Event
from gameserver.errors import Corrupt, Rejected
from gameserver.security import private_files


class Sealer:
    """Seals and opens the secret fields of events."""

    def __init__(self, key: bytes) -> None:
        self._fernet = Fernet(key)

    def seal(self, event: Event) -> Event:
        """The event with its secret fields sealed."""
        if not event.spec.secrets:
            return event
        sealed = {name: self._fernet.encrypt(getattr(event, name).encode()).decode() for name in event.spec.secrets}
        return replace(event, **sealed)

    def open(self, event: Event) -> Event:
        """The event with its secret fields readable. Raises ``Rejected`` ``bad_seal`` when the keys differ."""
        if not event.spec.secrets:
            return event
        try:
            opened = {name: self._fernet.decrypt(getattr(event, name).encode()).decode() for name in event.spec.secrets}
        except InvalidToken:
            raise Rejected("bad_seal", "Gateway and worker do not share a secret key.") from None
        return replace(event, **opened)


def read_key(path: Path) -> bytes:
    """The shared key from its file. Raises ``Corrupt`` ``bad_setting`` when there is none, or what is there is none."""
    try:
        key = path.read_bytes().strip()
        Fernet(key)
    except OSError as error:
        raise Corrupt("bad_setting", f"GAMESERVER_SECRET_KEY_FILE: {error}. `gameserver key` makes one.") from None
    except ValueError:
        sentence = f"GAMESERVER_SECRET_KEY_FILE: {path} holds no key. Remove it, and `gameserver key` makes one."
        raise Corrupt("bad_setting", sentence) from None
    return key


def write_key(path: Path) -> None:
    """Make a key, readable by its owner only, unless the file is there."""
    private_files.kept(path, lambda: Fernet.generate_key().decode())


def token_hash(token: str) -> str:
    """What is kept of a token, which is random and long enough to need no salt."""
    return hashlib.sha256(token.encode()).hexdigest()


class Argon2Passwords:
    """Passwords as argon2id hashes, with RFC 9106's parameters for memory-constrained hosts but half the memory."""

    def __init__(self, time_cost: int = 3, memory_kib: int = 32_768) -> None:
        self._hasher = argon2.PasswordHasher(time_cost=time_cost, memory_cost=memory_kib, parallelism=1)

    def hash(self, password: str) -> str:
        """A salted hash; some 40 ms of CPU."""
        return self._hasher.hash(password)

    def verify(self, password_hash: str, password: str) -> bool:
        """Whether the password made the hash."""
        try:
            return self._hasher.verify(password_hash, password)
        except argon2.exceptions.VerificationError:
            return False

    def digest(self, token: str) -> str:
        """What is kept of a token."""
        return token_hash(token)
