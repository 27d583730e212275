"""Sealing of secret fields on their way from a gateway to a process: the queue, logs and Flower show ciphertext.

Sealing is Fernet (AES-128-CBC with HMAC-SHA256, https://github.com/fernet/spec) with a key that gateways and workers
share.
"""

from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken
from msgspec.structs import replace

from gameserver.declare.base import Event
from gameserver.errors import Corrupt, Rejected
from gameserver.security import private_files


class Sealer:
    """Seals and opens the secret fields of events. ``key``: as `gameserver key` makes it."""

    def __init__(self, key: bytes) -> None:
        self._fernet = Fernet(key)

    def seal(self, event: Event) -> Event:
        """Encrypt the secret fields of an event. An event without any is given back as it is."""
        if not event.spec.secrets:
            return event
        sealed = {name: self._fernet.encrypt(getattr(event, name).encode()).decode() for name in event.spec.secrets}
        return replace(event, **sealed)

    def open(self, event: Event) -> Event:
        """Decrypt the secret fields of an event. Raises ``Rejected`` ``bad_seal`` when the keys differ."""
        if not event.spec.secrets:
            return event
        try:
            opened = {name: self._fernet.decrypt(getattr(event, name).encode()).decode() for name in event.spec.secrets}
        except InvalidToken:
            raise Rejected("bad_seal", "Gateway and worker do not share a secret key.") from None
        return replace(event, **opened)


def read_key(path: Path) -> bytes:
    """Read the shared key. Raises ``Corrupt`` ``bad_setting`` when the file is missing or holds no key."""
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
    """Make a key in a file that only its owner can read, unless the file exists."""
    private_files.read_or_make(path, lambda: Fernet.generate_key().decode())
