"""The secrets of a deployment in containers: a folder of files, one secret each, readable by their owner only.

Existing files stay: a second run makes those that are missing and changes no other but those that it is told to renew.
These get their new text in the file that is there: containers have each file mounted by itself, and would keep the old
one of a name that is given to a new file. ``broker_users.json`` holds the hashes of the broker's passwords with the
permissions of each user, ``flower_pages`` a password with its user: they follow what they are made of.
"""

import os
import secrets
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import msgspec
from cryptography.fernet import Fernet

from gameserver.broker.permissions import definitions, users
from gameserver.errors import Rejected
from gameserver.security import private_files

BROKER_USERS = "broker_users.json"
FLOWER_PASSWORD = "flower_password"  # noqa: S105 - a file's name
FLOWER_PAGES = "flower_pages"  # user and password, as Flower takes them
FLOWER_USER = "operator"
BYTES = 24


def password_file(user: str) -> str:
    """Name the file with the password of a user of the broker."""
    return f"broker_{user}"


def make(folder: Path, gateways: Sequence[str], renewed: Collection[str] = ()) -> list[str]:
    """Make what is missing, and anew what is named in ``renewed``. Returns the names of the files written.

    ``gateways``: their ``GAMESERVER_GATEWAY_ID``. Raises ``Rejected`` (``bad_name``) for a secret that there is not.
    """
    wanted = users(gateways)
    makers = {**{password_file(user.name): _password for user in wanted}, **_OTHERS}
    if unknown := set(renewed) - {*makers, BROKER_USERS, FLOWER_PAGES}:
        raise Rejected("bad_name", f"There is no secret {', '.join(sorted(unknown))}.")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    written = [name for name, maker in makers.items() if _written(folder / name, maker, anew=name in renewed)]
    found = {name: (folder / name).read_text().strip() for name in makers}

    def broker_users() -> str:
        known = {user.name: found[password_file(user.name)] for user in wanted}
        return msgspec.json.format(msgspec.json.encode(definitions(wanted, known, secrets.token_bytes))).decode()

    def flower_pages() -> str:
        return f"{FLOWER_USER}:{found[FLOWER_PASSWORD]}"

    sources = {BROKER_USERS: {password_file(user.name) for user in wanted}, FLOWER_PAGES: {FLOWER_PASSWORD}}
    for name, maker in {BROKER_USERS: broker_users, FLOWER_PAGES: flower_pages}.items():
        if _written(folder / name, maker, anew=name in renewed or not sources[name].isdisjoint(written)):
            written.append(name)
    return written


def give(folder: Path, owner: int) -> None:
    """Make the folder and all that is in it a user's. Raises ``Rejected`` (code ``not_permitted``) for who may not."""
    try:
        for path in (folder, *folder.iterdir()):
            os.chown(path, owner, -1)
    except PermissionError as refused:
        raise Rejected("not_permitted", f"{refused.filename}: only root gives files to another user.") from refused


def _written(path: Path, make: Callable[[], str], *, anew: bool) -> bool:
    """Write a secret that is missing or wanted anew. Returns whether it was."""
    if path.is_file() and not anew:
        return False
    private_files.rewrite(path, make())
    return True


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
