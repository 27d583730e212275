"""What the broker refuses to take from a worker's children, and what the worker does about it.

An event is applied, and what comes of it can't be published: a permission or a password is another, or something is
missing that this user may not make. A child gives such an event back (``Untold``). Given back alone it would be here
again at once, and on quorum queues among the dead letters after fifty times. So the worker's main process, which hears
of it, takes no events until it has seen for itself that publishing is allowed.
"""

from celery.exceptions import Reject
from kombu.exceptions import OperationalError

LOOK_EVERY_S = 0.5


class Unpublishable(OperationalError):
    """The broker refuses what is to be published, or leads it nowhere, until somebody mends that."""


class Untold(Reject):
    """An event goes back to its queue, because what came of it can't be published."""


class PublishingRefusedError(ConnectionError):
    """Celery takes it for a lost connection: it gives all back that it holds, and connects anew."""


class Publishing:
    """What a worker's main process knows of its children's publishing. ``in_doubt``: whether it was refused."""

    def __init__(self) -> None:
        self.in_doubt = False

    def check(self) -> None:
        """Raise ``PublishingRefusedError`` where a child was refused."""
        if self.in_doubt:
            raise PublishingRefusedError("the broker refuses what this worker has to tell")


publishing = Publishing()
