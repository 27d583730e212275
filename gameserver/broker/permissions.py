"""The broker's users and permissions: a user for each kind of process, with no more than it needs.

Permissions are RabbitMQ's: three regular expressions over names of exchanges and queues, for declaring, for writing
(publishing, binding a queue) and for reading (consuming, binding to an exchange). They follow from the topology and
from the names that Celery gives to what its remote control and its events go through. Who may not declare finds
everything declared by the operator (``gameserver declare``). They do not keep gateways from hearing what is told to one
another: whoever may bind its own queue to the exchange of what is told may do so with any key.
"""

import base64
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from gameserver.broker.gateway_routing import gateway_queue
from gameserver.broker.topology import DEAD, DELAYS_MS, EVENTS, OUTBOUND, REPORTS, delay_name
from gameserver.declare import catalogue
from gameserver.errors import Rejected

NOTHING = "^$"
ALL = ".*"

# Celery's: exchanges of its events and of its remote control, and the queues that belong to these.
_EVENTS_OF_CELERY = r"celeryev"
_LISTENING = r"celeryev\..+"
_CONTROL = r"celery\.pidbox"
_REPLIES = r"reply\.celery\.pidbox"
_AWAITING = r"[0-9a-f-]+\.reply\.celery\.pidbox"
_MAILBOX = r".+@.+\.celery\.pidbox"  # a worker's, which is called NAME@HOST

SALT_BYTES = 4


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A user of the broker. ``tags``: what the management pages show to it."""

    name: str
    configure: str
    write: str
    read: str
    tags: tuple[str, ...] = ()


def users(gateways: Sequence[str]) -> list[User]:
    """Return the users of a deployment. A gateway is a user of its own, called as its ``GAMESERVER_GATEWAY_ID`` says.

    Raises ``Rejected`` (code ``bad_name``) when a gateway is called like somebody else, or cannot be a file's name.
    """
    others = [_WORKER, _BEAT, _FLOWER, _MONITOR, _OPERATOR]
    taken = {user.name for user in others}
    if bad := [name for name in gateways if name in taken or not re.fullmatch(r"[\w-]+", name)]:
        raise Rejected("bad_name", f"No gateway can be called {', '.join(bad)}.")
    return [*(_gateway(name) for name in gateways), *others]


def _any(*patterns: str) -> str:
    return f"^({'|'.join(patterns)})$"


def _gateway(name: str) -> User:
    """Return the user of a gateway: it publishes events and consumes its own queue (its name and something random)."""
    own = re.escape(gateway_queue(name)).replace(r"\-", "-") + "-[0-9a-f]+"
    return User(
        name=name,
        configure=_any(own),
        write=_any(EVENTS, REPORTS, own),
        read=_any(OUTBOUND, own),
    )


# Takes events, tells gateways, puts events back or aside; and is controlled and watched.
_WORKER = User(
    name="worker",
    configure=_any(_EVENTS_OF_CELERY, _CONTROL, _REPLIES, _MAILBOX),
    write=_any(
        EVENTS,
        OUTBOUND,
        *(re.escape(name) for name in (DEAD, *map(delay_name, DELAYS_MS))),
        _EVENTS_OF_CELERY,
        _REPLIES,
        _MAILBOX,
    ),
    read=_any(*(rf"{family}(\..+)?" for family in catalogue.families()), _CONTROL, _MAILBOX),
)
_BEAT = User(name="beat", configure=NOTHING, write=_any(EVENTS), read=NOTHING)
# Watches workers and controls them; no event passes through its hands.
_FLOWER = User(
    name="flower",
    configure=_any(_EVENTS_OF_CELERY, _LISTENING, _CONTROL, _REPLIES, _AWAITING),
    write=_any(_LISTENING, _CONTROL, _AWAITING),
    read=_any(_EVENTS_OF_CELERY, _LISTENING, _REPLIES, _AWAITING),
)
# For the management pages alone (Flower's page of the broker).
_MONITOR = User(name="monitor", configure=NOTHING, write=NOTHING, read=NOTHING, tags=("monitoring",))
# Declares, and runs the commands: gameserver status, tail, queues, celery control.
_OPERATOR = User(name="operator", configure=ALL, write=ALL, read=ALL, tags=("administrator",))


def definitions(
    wanted: Sequence[User], passwords: Mapping[str, str], salt: Callable[[int], bytes], vhost: str = "/"
) -> dict[str, Any]:
    """Return what RabbitMQ imports (``load_definitions``, ``rabbitmqctl import_definitions``): hashes only.

    No queue is among them: in a cluster that is not complete yet a quorum queue would get too few members.
    """
    return {
        "vhosts": [{"name": vhost}],
        "users": [
            {
                "name": user.name,
                "password_hash": hashed(passwords[user.name], salt(SALT_BYTES)),
                "hashing_algorithm": "rabbit_password_hashing_sha256",
                "tags": list(user.tags),
            }
            for user in wanted
        ],
        "permissions": [
            {"user": user.name, "vhost": vhost, "configure": user.configure, "write": user.write, "read": user.read}
            for user in wanted
        ],
    }


def hashed(password: str, salt: bytes) -> str:
    """Return RabbitMQ's form of a password: salt and salted SHA-256."""
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()
