"""Users with least privilege on a real broker: ``env_of`` is what a process is told that is one of them."""

import re
import secrets
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from gameserver.broker.permissions import ALL, User, definitions, users
from gameserver.local.rabbitmq_node import USER
from gameserver.security.provisioning import make, password_file
from gameserver.testing.broker import Vhost
from gameserver.testing.rabbitmq_node import RunningNode
from tests.deployments import ROOT

GATEWAYS = ("gateway1", "gateway2")
NODE_ITSELF = User(name=USER, configure=ALL, write=ALL, read=ALL, tags=("administrator",))


class Users:
    """The users of one virtual host, with their passwords in files."""

    def __init__(self, node: RunningNode, vhost: Vhost, folder: Path) -> None:
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


def configured(name: str, **secret: str) -> dict[str, str]:
    """A file of docker/rabbitmq, with what it names under /run/secrets replaced."""
    lines = (ROOT / "docker" / "rabbitmq" / name).read_text().splitlines()
    found = dict(line.split(" = ", 1) for line in lines if line and not line.startswith("#"))
    for key, text in found.items():
        if match := re.fullmatch(r"/run/secrets/(\S+)", text):
            found[key] = secret[match[1]]
    return {**found, "log.console": "false"}


def all_users(folder: Path, node_password: str) -> Path:
    """What a node imports: the users whose passwords lie in a folder, and the one that a ``RunningNode`` asks as."""
    make(folder, GATEWAYS)
    wanted = users(GATEWAYS)
    passwords = {user.name: (folder / password_file(user.name)).read_text() for user in wanted}
    file = folder / "with_node.json"
    everyone = definitions([*wanted, NODE_ITSELF], {**passwords, USER: node_password}, secrets.token_bytes)
    file.write_bytes(msgspec.json.encode(everyone))
    return file
