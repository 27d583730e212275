"""Ask the broker's management for what AMQP does not tell: how many descriptors its nodes have left."""

import base64
import http.client
import urllib.request
from urllib.parse import unquote, urlsplit, urlunsplit

import msgspec

from gameserver.operations.snapshot import Broker, Node

ANSWER_S_MAX = 3.0
NODES = "/api/nodes"
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # the broker is not behind the way to the web


def ask_management(url: str) -> Broker:
    """Ask the management at this address, which may hold a name and a password; nothing where none is given."""
    if not url:
        return Broker()
    try:
        with _OPENER.open(_question(url), timeout=ANSWER_S_MAX) as answer:
            return Broker(nodes=msgspec.json.decode(answer.read(), type=tuple[Node, ...]))
    except (OSError, ValueError, http.client.HTTPException) as fault:  # HTTPError is the first, DecodeError the second
        return Broker(fault=" ".join(str(fault).split()))


def _question(url: str) -> urllib.request.Request:
    parts = urlsplit(url)
    where = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/") + NODES, "", ""))
    question = urllib.request.Request(where)  # noqa: S310
    if parts.username is not None:
        credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        question.add_header("Authorization", f"Basic {base64.b64encode(credentials.encode()).decode()}")
    return question
