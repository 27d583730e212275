"""Flower's pages in a real browser, while bots play: what operators see there, and what their clicks do."""

import base64
import json
import re
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec
import pytest

from gameserver.declare import catalogue
from gameserver.testing.broker import Vhost
from gameserver.testing.deployment import Deployment
from gameserver.testing.line_client import LineClient
from gameserver.testing.processes import GatewayProc, Proc, eventually
from gameserver.testing.rabbitmq_node import RunningNode
from tests import module_samples
from tests.browsers import Browser
from tests.crowds import NOT_NOW, Crowd
from tests.deployments import FAMILIES, write_world
from tests.flowers import FlowerPages

# What play brings about: players are shown where they stand by `gameserver world apply`, after maps were
# changed, and told something by `gameserver announce`.
OF_MODULES = {event.spec.family for event in module_samples.SAMPLES.values()}
# These may come, and need not: banks and markets have ticks of a minute and more.
SELDOM = {spec.task for spec in catalogue.specs() if spec.family in OF_MODULES and spec.origin == "server"}
TASKS = {spec.task for spec in catalogue.specs()} - SELDOM - {"movement.show", "world.announce"}
OTHERS = tuple(family for family in FAMILIES if family != "movement")
PIT = ("##########", "#srrrrrrr#", "#rrsrrsrr#", "#rrrrsrrr#", "##########")
SEARCHES = (
    *OF_MODULES,
    "chat",
    "movement",
    "sessions",
    "sessions.ack",
    "trade",
    "world",
    "combat.attack",
    "combat.reward",
)
MEASURED = re.compile(r"[\d.,]+ ?(ms|s|sec)?", re.IGNORECASE)
READABLE = re.compile(r"\W?[\w.-]+ \w+")


class Watched:
    """A deployment with a worker for movement and one for everything else, and Flower beside it."""

    def __init__(self, deployment: Deployment, browser: Browser) -> None:
        self.deployment = deployment
        self.browser = browser
        self.movement, self.others = deployment.workers([(("movement",), "m1", 1), (OTHERS, "o1", 1)])
        self.gateway: GatewayProc = deployment.gateway()
        self.flower = FlowerPages(deployment)
        self.at = f"@{name_of(self.movement).partition('@')[2]}"
        self.flower.knows(f"m1{self.at}", f"o1{self.at}")
        deployment.beat()  # not sooner: of a tick under way when Flower comes it hears the end only, and no name
        browser.open(self.flower.url(with_password=True))

    def open(self, path: str) -> None:
        self.browser.open(f"{self.flower.url()}{path}")

    def crowd(self, prefix: str) -> Crowd:
        return Crowd(self.gateway, count=8, prefix=prefix, rate=3)


def name_of(worker: Proc) -> str:
    """What Celery calls a worker."""
    return eventually(lambda: re.findall(r"celery@\S+|(\w+@\S+) ready", worker.text), "its name")[-1]


@pytest.fixture(scope="module")
def watched(
    module_deployment: Deployment, private_node: RunningNode, browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Watched:
    module_deployment.environ["GAMESERVER_WORLD"] = str(write_world(tmp_path_factory.mktemp("world"), *PIT))
    module_deployment.environ["AMQP_MANAGEMENT_URL"] = private_node.management_url()
    return Watched(module_deployment, browser)


def test_after_play_each_event_type_is_seen_with_its_count_its_arguments_and_its_runtime(
    watched: Watched, private_node: RunningNode, module_vhost: Vhost
):
    flower, browser = watched.flower, watched.browser
    with watched.crowd("seen") as crowd:
        crowd.wait_until_playing()
        cut_off(private_node, module_vhost, "Pika")
        eventually(
            lambda: {"combat.reward", "sessions.rejoin"} <= set(counts(flower)), "a slain creature, all back", 40
        )
        summary = crowd.summary()
    what_bots_do_seldom(watched.gateway)
    eventually(lambda: set(counts(flower)) >= TASKS, lambda: f"{TASKS - set(counts(flower))} in Flower")
    assert summary.unanswered == 0, "\n".join(summary.lines())
    runtimes = flower.counts("flower_task_runtime_seconds_sum")
    assert all(runtimes[task] > 0 for task in TASKS), runtimes
    watched.open("/tasks")
    browser.click(".dataTables_length option, .dt-length option", "100")
    seen = {name for some in SEARCHES for name in names_of_what_ended_well(browser, some)}
    assert seen - SELDOM == TASKS
    eventually(lambda: {*counted(watched, "m1"), *counted(watched, "o1")} >= TASKS, "what each worker has done")
    watched.open("/broker")
    browser.see("#queue-table td", "movement")


def counts(flower: FlowerPages) -> dict[str, float]:
    """How often each event type came to a good end, in Flower's metrics."""
    return flower.counts("flower_events_total", type="task-succeeded")


def counted(watched: Watched, worker: str) -> set[str]:
    """The tasks that a worker's page counts. It shows what Flower was told last, and asks anew."""
    watched.open(f"/worker/{worker}{watched.at}")
    rows = watched.browser.rows("#tab-tasks table:first-of-type")
    return {row[0] for row in rows if row[0] in TASKS and int(row[1].replace(",", "")) > 0}


def names_of_what_ended_well(browser: Browser, some: str) -> set[str]:
    """The page of tasks finds some, each with its name, who did what, and how long it took."""
    browser.write("input[type=search]", f"name:{some} state:SUCCESS")

    def found() -> list[list[str]]:
        rows = browser.rows("#tasks-table")
        return rows if rows and all(row[0].startswith(some) for row in rows) else []

    (columns,) = browser.rows("#tasks-table", "thead")
    told = [dict(zip(columns, row, strict=True)) for row in eventually(found, f"rows of {some}")]
    for row in told:
        assert row["State"] == "SUCCESS", row
        assert MEASURED.fullmatch(row["Runtime"]), row
        assert READABLE.match(row["args"]), row
    return {row["Name"] for row in told}


def what_bots_do_seldom(gateway: GatewayProc) -> None:
    with LineClient(gateway.port) as ada, LineClient(gateway.port) as bob:
        ada.register("Ada")
        bob.register("Bob")
        ada.ask("move", dir="e")  # in this pit bots strike rather than walk; a wall is an answer too
        for event, fields in (
            ("who", {}),
            ("look", {}),
            ("say", {"text": "well, well"}),
            ("chart", {}),
            ("purse", {}),
            ("give", {"to": "bob", "coins": 3}),
            ("join", {"channel": "here"}),
            ("talk", {"channel": "here", "text": "anybody?"}),
            ("leave", {"channel": "here"}),
            ("whisper", {"to": "bob", "text": "psst"}),
            ("shout", {"text": "hear me"}),
        ):
            assert ada.ask(event, **fields)["type"] == "ok", event
        for name, make in module_samples.PLAYED.items():  # a refusal is an answer too
            fields = msgspec.to_builtins(make(1)).items()
            ada.ask(name, **{field: value for field, value in fields if field not in ("type", "seq")})
        heard = bob.expect("heard", how="whisper")
        assert bob.ask("ack", ids=[heard["id"]])["type"] == "ok"
        token = bob.token
        bob.close()
        with LineClient(gateway.port) as again:
            again.resume(token)
            assert again.ask("logout")["type"] == "ok"
    with LineClient(gateway.port) as bob:
        bob.login("Bob")


def cut_off(node: RunningNode, vhost: Vhost, product: str) -> None:
    """Close the broker's connections of a kind of client: it will be back."""

    def connections() -> list[dict[str, Any]]:
        found = json.loads(asked(node, "GET", f"vhosts/{quote(vhost.name, safe='')}/connections"))
        return [each for each in found if product in each.get("client_properties", {}).get("product", "")]

    for each in eventually(connections, f"connections of {product}"):
        asked(node, "DELETE", f"connections/{quote(each['name'], safe='')}")


def asked(node: RunningNode, method: str, path: str) -> bytes:
    url = urlsplit(node.management_url())
    request = urllib.request.Request(f"http://{url.hostname}:{url.port}/api/{path}", method=method)
    told = base64.b64encode(f"{url.username}:{url.password}".encode()).decode()
    request.add_header("Authorization", f"Basic {told}")
    with urllib.request.urlopen(request, timeout=10) as answer:
        return bytes(answer.read())


def test_a_killed_worker_and_a_new_one_are_seen(watched: Watched):
    with watched.crowd("kill") as crowd:
        crowd.wait_until_playing()
        watched.open("/workers")
        shown(watched, m1="Online")
        watched.movement.kill()
        watched.movement = watched.deployment.worker("movement", name="m2")
        shown(watched, m1="Offline", m2="Online")
        summary = crowd.summary()
    assert summary.unanswered == 0, "\n".join(summary.lines())
    assert set(summary.errors) <= NOT_NOW, "\n".join(summary.lines())


def shown(watched: Watched, **workers: str) -> None:
    """Wait until the open page, which renews itself, shows workers so."""
    wanted = {f"{worker}{watched.at}": state for worker, state in workers.items()}

    def now() -> dict[str, str]:
        return {row[0]: row[1] for row in watched.browser.rows("#workers-table") if len(row) > 1}

    eventually(lambda: wanted.items() <= now().items(), f"{wanted}")


@pytest.fixture
def crowd(watched: Watched) -> Iterator[Crowd]:
    """Bots that play on, whatever the operator does, and are all answered."""
    with watched.crowd("ops") as made:
        made.wait_until_playing()
        yield made
        summary = made.summary()
    assert summary.entered == summary.count
    assert summary.unanswered == 0, "\n".join(summary.lines())
    assert set(summary.errors) <= NOT_NOW, "\n".join(summary.lines())


def has_children(worker: Proc, count: int) -> None:
    """Wait until a worker's pool is so large: it looks after its children every five seconds."""
    eventually(
        lambda: len(worker.children()) == count or not worker.alive, f"{count} children, not {worker.children()}", 40
    )
    assert worker.alive, worker.tail


def ended_well(worker: Proc) -> None:
    """Wait until a worker has done what it had, and is gone."""
    eventually(lambda: not worker.alive, f"the end of {worker.children()} {worker.tail}", 60)
    assert worker.wait() == 0


@pytest.mark.long
@pytest.mark.timeout(300)
def test_what_is_ordered_by_clicks_and_through_the_api_is_done_while_bots_play(watched: Watched, crowd: Crowd):
    flower, browser = watched.flower, watched.browser
    worker = watched.deployment.worker("movement", name="m3")
    name = f"m3{watched.at}"
    flower.knows(name)
    watched.open(f"/worker/{name}")
    browser.write("#pool-size", "2")
    browser.click("#worker-pool-grow")
    has_children(worker, 3)
    assert "by 1" in flower.order("pool/shrink", name, n=1)
    has_children(worker, 2)
    assert "by 1" in flower.order("pool/grow", name, n=1)
    has_children(worker, 3)
    watched.open(f"/worker/{name}")
    browser.click("#worker-tab-queues")
    browser.write("#add-consumer-name", "chat")
    browser.click("#worker-add-consumer")
    eventually(lambda: flower.queues(name) == {"movement", "chat"}, "one queue more")
    flower.order("queue/cancel-consumer", name, queue="movement")
    eventually(lambda: flower.queues(name) == {"chat"}, "one queue less")
    flower.order("queue/add-consumer", name, queue="movement")
    eventually(lambda: flower.queues(name) == {"movement", "chat"}, "and there again")
    watched.open(f"/worker/{name}")
    browser.click("#worker-tab-queues")
    browser.click("[id='worker-cancel-consumer-chat']")
    eventually(lambda: flower.queues(name) == {"movement"}, "the other one less")
    watched.open(f"/worker/{name}")
    browser.click("#worker-group")
    browser.click("#worker-shutdown")
    ended_well(worker)
    eventually(lambda: flower.workers().get(name) is False, "it is seen to have gone")
    second = watched.deployment.worker("movement", name="m4")
    flower.knows(f"m4{watched.at}")
    flower.order("shutdown", f"m4{watched.at}")
    ended_well(second)
