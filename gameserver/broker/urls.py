"""The broker's addresses, node by node and as kombu wants them.

``AMQP_URL`` names the nodes, with semicolons between. ``amqps`` is TLS, and always checks the node's certificate and
name: against the authority in the file that the address names (``?cacertfile=``, as RabbitMQ's own addresses have it),
otherwise against the system's.
"""

import socket
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec

from gameserver.errors import Corrupt

# A connection that a firewall has forgotten, or whose other machine is gone, must be noticed well before the shortest
# lease is over, and an idle one must not be forgotten: TCP asks after 10 quiet seconds whether the other side is there,
# and breaks what was not acknowledged for 4. (Where the system knows these options.)
KEEPALIVE = {
    getattr(socket, name): value
    for name, value in (
        ("TCP_KEEPIDLE", 10),
        ("TCP_KEEPINTVL", 2),
        ("TCP_KEEPCNT", 2),
        ("TCP_USER_TIMEOUT", 4_000),  # milliseconds
    )
    if hasattr(socket, name)
}


class Node(msgspec.Struct, frozen=True):
    """One node of the broker. ``ca_file``: the authority that its certificate must be of; None for the system's."""

    url: str
    ca_file: Path | None = None


def nodes(amqp_url: str) -> list[Node]:
    """Return the nodes in ``AMQP_URL``.

    ``//`` at the end means the virtual host ``/`` to Celery, and nothing to others: it is spelled out.
    """
    return [_node(url.strip()) for url in amqp_url.split(";") if url.strip()]


def _node(url: str) -> Node:
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    ca_file = options.pop("cacertfile", None)
    plain = parts._replace(query=urlencode(options)).geturl()
    return Node(plain[:-1] + "%2F" if plain.endswith("//") else plain, Path(ca_file) if ca_file else None)


def for_kombu(amqp_url: str) -> str:
    """Return the addresses without the options that kombu does not know."""
    return ";".join(node.url for node in nodes(amqp_url))


def tls_for_kombu(amqp_url: str) -> dict[str, Any] | None:
    """Return kombu's options for TLS; none without it. Raises ``Corrupt`` (code ``bad_setting``).

    kombu checks all nodes against one authority, and against the name of the one that it came to first: certificates
    of a cluster must carry the names of all its nodes.
    """
    found = nodes(amqp_url)
    secure = {node.url.startswith("amqps:") for node in found}
    authorities = {node.ca_file for node in found}
    if len(secure) > 1 or len(authorities) > 1:
        raise Corrupt("bad_setting", "AMQP_URL: all nodes must be reached with TLS and one cacertfile, or all without.")
    if True not in secure:
        return None
    (ca_file,) = authorities
    return {
        "cert_reqs": ssl.CERT_REQUIRED,
        "ca_certs": str(ca_file) if ca_file else None,
        "server_hostname": None,  # kombu puts the node's name there
    }
