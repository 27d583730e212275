"""Users with least privilege on a real broker: ``env_of`` is what a process is told that is one of them."""

import secrets
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from gameserver.access import definitions, users
from gameserver.secret_files import make, password_file
from gameserver.up.rabbitmq import PrivateNode
from tests.brokers import Vhost

GATEWAYS = ("gateway1", "gateway2")


class Users:
    """The users of one virtual host, with their passwords in files."""

    def __init__(self, node: PrivateNode, vhost: Vhost, folder: Path) -> None:
        self.folder = folder
        self._url = vhost.url
        make(folder, GATEWAYS)
        wanted = users(GATEWAYS)
        passwords = {user.name: self.password(user.name) for user in wanted}
        file = folder / "definitions.json"
        file.write_bytes(msgspec.json.encode(definitions(wanted, passwords, secrets.token_bytes, vhost.name)))
        node.ctl("import_definitions", str(file))

    def password(self, user: str) -> str:
        return (self.folder / password_file(user)).read_text()

    def url(self, user: str, password: str = "") -> str:
        """The broker's address for a user."""
        parts = urlsplit(self._url)
        who = f"{user}:{password}" if password else user
        return parts._replace(netloc=f"{who}@{parts.netloc.rpartition('@')[2]}").geturl()

    def full_url(self, user: str) -> str:
        """The same with its password in it."""
        return self.url(user, self.password(user))

    def env_of(self, user: str) -> dict[str, str]:
        """What a process of that user is told: its password stands in a file, and nowhere in the environment."""
        return {"AMQP_URL": self.url(user), "AMQP_PASSWORD_FILE": str(self.folder / password_file(user))}
