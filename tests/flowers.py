"""Flower, as operators ask it: over HTTP, with a password."""

import base64
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from gameserver.testing.deployment import Deployment
from gameserver.testing.ports import free_ports
from gameserver.testing.processes import eventually
from tests.integration.scraped import samples

USER, PASSWORD = "operator", "flowers for the operator"


class FlowerPages:
    """A running Flower of a deployment: its pages, its API, its metrics."""

    def __init__(
        self, deployment: Deployment, *, port: int = 0, password: str = PASSWORD, env: dict[str, str] | None = None
    ) -> None:
        self.port = port or free_ports(1)[0]
        told = {"FLOWER_BASIC_AUTH": f"{USER}:{password}"} if password else {}
        self.proc = deployment.flower(self.port, {**told, **(env or {})})

    def url(self, *, with_password: bool = False) -> str:
        """Where a browser finds it, which needs the password once."""
        return f"http://{f'{USER}:{quote(PASSWORD)}@' if with_password else ''}127.0.0.1:{self.port}"

    def status(self, path: str, *, method: str = "GET", password: str = PASSWORD) -> int:
        """What a request ends with."""
        try:
            with self._open(path, method, password) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    def text(self, path: str) -> str:
        """A page, or the metrics."""
        with self._open(path, "GET", PASSWORD) as answer:
            return str(answer.read().decode())

    def get(self, path: str, **options: Any) -> Any:
        """What the API tells."""
        return msgspec.json.decode(self.text(f"/api/{path}?{urlencode(options)}"))

    def order(self, what: str, worker: str, **options: Any) -> str:
        """Command a worker through the API; gives Flower's answer."""
        with self._open(f"/api/worker/{what}/{quote(worker)}?{urlencode(options)}", "POST", PASSWORD) as answer:
            return str(msgspec.json.decode(answer.read())["message"])

    def workers(self) -> dict[str, bool]:
        """Which workers the page shows, and whether as online."""
        found = msgspec.json.decode(self.text("/workers?json=1"))["data"]
        return {worker["hostname"]: worker["status"] for worker in found}

    def worker(self, name: str) -> dict[str, Any]:
        """What a worker said of itself, just now."""
        found = self.get("workers", refresh=1, workername=name)
        return dict(found.get(name, {}))

    def knows(self, *names: str) -> None:
        """Wait until the pages show these workers, and the API knows them."""
        eventually(lambda: all(self.workers().get(name) for name in names), f"{names} in Flower")
        eventually(lambda: all("active_queues" in self.worker(name) for name in names), f"what {names} say")

    def pool(self, name: str) -> int:
        """How many children a worker has."""
        return len(self.worker(name)["stats"]["pool"]["processes"])

    def queues(self, name: str) -> set[str]:
        """Which queues a worker takes from."""
        return {queue["name"] for queue in self.worker(name)["active_queues"]}

    def counts(self, metric: str, **labels: str) -> dict[str, float]:
        """A metric's value by task."""
        found: dict[str, float] = {}
        for name, with_labels, value in samples(self.text("/metrics")):
            if name == metric and labels.items() <= with_labels.items():
                found[with_labels["task"]] = found.get(with_labels["task"], 0) + value
        return found

    def _open(self, path: str, method: str, password: str) -> Any:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", method=method)
        if password:
            told = base64.b64encode(f"{USER}:{password}".encode()).decode()
            request.add_header("Authorization", f"Basic {told}")
        return urllib.request.urlopen(request, timeout=30)
