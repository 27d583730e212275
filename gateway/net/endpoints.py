"""Where a gateway listens: Twisted's endpoint strings, and ``shared:PORT[:interface=HOST]``.

A shared port is one that several gateway processes of a machine listen on (SO_REUSEPORT, socket(7)): the kernel deals
new connections out among those that are there, so that one address serves as many processors as there are gateways.
"""

import socket
from typing import Any

from twisted.internet import defer
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError

SHARED = "shared:"
BACKLOG = 512


def listen(reactor: Any, text: str, factory: Any) -> defer.Deferred[Any]:
    """Listen as the ``text`` of an endpoint says. Fails with ``CannotListenError`` or ``ValueError``."""
    if not text.startswith(SHARED):
        listening: defer.Deferred[Any] = serverFromString(reactor, text).listen(factory)
        return listening
    return defer.execute(_listen_shared, reactor, text.removeprefix(SHARED), factory)


def _listen_shared(reactor: Any, text: str, factory: Any) -> Any:
    number, _, rest = text.partition(":")
    host = rest.removeprefix("interface=").replace("\\:", ":")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as made:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            made.bind((host, int(number)))
        except OverflowError as error:
            raise ValueError(f"{number} is no port.") from error
        except OSError as error:
            raise CannotListenError(host, number, error) from None
        made.listen(BACKLOG)
        made.setblocking(False)
        return reactor.adoptStreamPort(made.fileno(), family, factory)  # which holds a copy of its own
