"""What Flower would see of a deployment."""

from threading import Event, Thread
from typing import Any

from celery import Celery


class Watched:
    """The events that workers send, gathered within a ``with`` block."""

    def __init__(self, url: str) -> None:
        self.events: list[dict[str, Any]] = []
        self._app = Celery("watcher", broker=url, set_as_current=False)
        self._connection = self._app.connection_for_read()
        self._receiver = self._app.events.Receiver(self._connection, handlers={"*": self.events.append})
        self._ready = Event()
        self._receiver.on_consume_ready = lambda *_, **__: self._ready.set()
        self._thread = Thread(target=self._receiver.capture, kwargs={"wakeup": False}, daemon=True)

    def __enter__(self) -> "Watched":
        self._thread.start()
        assert self._ready.wait(20)
        return self

    def __exit__(self, *_: Any) -> None:
        self._receiver.should_stop = True
        self._thread.join(20)
        assert not self._thread.is_alive()
        self._connection.release()
        self._app.close()

    def of(self, type_: str, **fields: Any) -> list[dict[str, Any]]:
        return [e for e in list(self.events) if e["type"] == type_ and fields.items() <= e.items()]
