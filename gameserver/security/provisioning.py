"""The secrets of a deployment in containers: a folder of files, one secret each, readable by their owner only.

Existing files stay: a second run makes those that are missing and changes no other. ``broker_users.json`` holds the
hashes of the broker's passwords with the permissions of each user; remove it, and the next run makes it from the same
passwords with the present permissions.
"""

import secrets
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
from cryptography.fernet import Fernet

from gameserver.broker.permissions import definitions, users
from gameserver.security import private_files

BROKER_USERS = "broker_users.json"
FLOWER_PASSWORD = "flower_password"  # noqa: S105 - a file's name
FLOWER_PAGES = "flower_pages"  # user and password, as Flower takes them
FLOWER_USER = "operator"
BYTES = 24


def password_file(user: str) -> str:
    """Name the file with the password of a user of the broker."""
    return f"broker_{user}"


def make(folder: Path, gateways: Sequence[str]) -> list[str]:
    """Make what is missing. ``gateways``: their ``GAMESERVER_GATEWAY_ID``. Returns the names of the files made."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    wanted = users(gateways)
    passwords = {password_file(user.name): _password for user in wanted}
    makers: dict[str, Callable[[], str]] = {**passwords, **_OTHERS}
    missing = [name for name in [*makers, BROKER_USERS, FLOWER_PAGES] if not (folder / name).exists()]
    found = {name: private_files.read_or_make(folder / name, maker) for name, maker in makers.items()}

    def broker_users() -> str:
        known = {user.name: found[password_file(user.name)] for user in wanted}
        return msgspec.json.format(msgspec.json.encode(definitions(wanted, known, secrets.token_bytes))).decode()

    private_files.read_or_make(folder / BROKER_USERS, broker_users)
    if FLOWER_PASSWORD in missing:
        (folder / FLOWER_PAGES).unlink(missing_ok=True)  # it holds the old password
    private_files.read_or_make(folder / FLOWER_PAGES, lambda: f"{FLOWER_USER}:{found[FLOWER_PASSWORD]}")
    return missing


def _password() -> str:
    return secrets.token_urlsafe(BYTES)


_OTHERS: dict[str, Callable[[], str]] = {
    "secret_key": lambda: Fernet.generate_key().decode(),  # gateways and workers
    "erlang_cookie": lambda: secrets.token_hex(BYTES),  # the broker's nodes
    "database": _password,
    FLOWER_PASSWORD: _password,
    "flower_cookie": lambda: secrets.token_hex(BYTES),
    "grafana": _password,
}
