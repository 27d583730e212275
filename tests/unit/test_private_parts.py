"""What the code uses of libraries beyond what they promise: all of it is listed here, is still there, and is bounded.

A new version may take such a part away or change it without a word. So an upgrade that does fails here first, and no
version beyond the next major one is installed.
"""

import ast
import inspect
import re
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
OURS = ("gameserver", "gateway", "tasks")
DOCUMENTED = {"_replace", "_mapping", "_getframe", "_exit"}  # of named tuples, SQLAlchemy's rows, and Python itself


class Part(NamedTuple):
    """An attribute of a class or module that its library does not promise, and where the code uses it."""

    package: str
    owner: str
    name: str
    user: str


PARTS = [
    Part("twisted", "twisted.internet.epollreactor:EPollReactor", "_poller", "gateway/net/reactor.py"),
    Part("twisted", "twisted.internet.epollreactor:EPollReactor", "_selectables", "gateway/net/reactor.py"),
    Part("twisted", "twisted.internet.epollreactor:EPollReactor", "_doReadOrWrite", "gateway/net/reactor.py"),
    Part("twisted", "twisted.internet.tcp:Connection", "dataBuffer", "gateway/net/transport.py"),
    Part("twisted", "twisted.internet.tcp:Connection", "_tempDataBuffer", "gateway/net/transport.py"),
    Part("pika", "pika.adapters.twisted_connection:TwistedProtocolConnection", "_impl", "gateway/amqp/failover.py"),
    Part("pika", "pika.connection:Connection", "_error", "gateway/amqp/failover.py"),
    Part("pika", "pika.adapters.twisted_connection:TwistedProtocolConnection", "_impl", "gateway/amqp/broker.py"),
    Part("pika", "pika.adapters.twisted_connection:TwistedProtocolConnection", "_impl", "gateway/amqp/alarm.py"),
    Part("pika", "pika.connection:Connection", "server_properties", "gateway/amqp/broker.py"),
    Part("kombu", "kombu.message:Message", "_decoded_cache", "tasks/overrides/event_task.py"),
    Part("kombu", "kombu.transport.pyamqp:Transport", "qos_semantics_matches_spec", "tasks/overrides/consumer.py"),
    Part("celery", "celery.worker.consumer:Consumer", "_flush_events", "tasks/overrides/consumer.py"),
    Part("celery", "celery.worker.consumer:Consumer", "initial_prefetch_count", "tasks/overrides/consumer.py"),
    Part("celery", "celery.worker.consumer:Consumer", "prefetch_multiplier", "tasks/overrides/consumer.py"),
    Part("celery", "celery.worker.consumer:Consumer", "register_with_event_loop", "tasks/overrides/consumer.py"),
    Part("celery", "celery.worker.consumer:Consumer", "on_send_event_buffered", "tasks/overrides/consumer.py"),
    Part("celery", "celery.worker.state", "reserved_requests", "tasks/overrides/consumer.py"),
    Part("celery", "celery.worker.consumer:Consumer", "Strategies", "tasks/overrides/consumer.py"),
    Part("celery", "celery.worker.consumer:Consumer", "_update_prefetch_count", "tasks/overrides/commands.py"),
    Part("celery", "celery.worker.consumer:Consumer.Blueprint", "default_steps", "tasks/overrides/consumer.py"),
    Part("celery", "celery.app.task:Task", "start_strategy", "tasks/overrides/event_task.py"),
    Part("celery", "celery.app.events:Events", "dispatcher_cls", "tasks/celery_app.py"),
    Part("celery", "celery.concurrency", "ALIASES", "tasks/overrides/pool.py"),
    Part("celery", "celery.concurrency.asynpool", "_get_job_writer", "tasks/overrides/pool.py"),
    Part("celery", "celery.concurrency.asynpool:AsynPool", "_flush_writer", "tasks/overrides/pool.py"),
    Part("billiard", "billiard.pool:Pool", "_cache", "tasks/overrides/pool.py"),
    Part("billiard", "billiard.pool:ApplyResult", "_write_to", "tasks/overrides/pool.py"),
    Part("billiard", "billiard.pool:ApplyResult", "_accepted", "tasks/overrides/pool.py"),
    Part("billiard", "billiard.process:BaseProcess", "_is_alive", "tasks/overrides/pool.py"),
    Part("supervisor", "supervisor.options:ServerOptions", "execve", "gameserver/local/preloaded_supervisord.py"),
    Part("supervisor", "supervisor.supervisord", "ServerOptions", "gameserver/local/preloaded_supervisord.py"),
    Part("tornado", "tornado.options:OptionParser", "_options", "gameserver/operations/flower.py"),
    Part("tornado", "tornado.options:OptionParser", "_normalize_name", "gameserver/operations/flower.py"),
    Part("flower", "flower.views.monitor:Metrics", "get", "gameserver/operations/flower.py"),
    Part("flower", "flower.views.monitor:Healthcheck", "get", "gameserver/operations/flower.py"),
    Part("flower", "flower.views:BaseHandler", "get_current_user", "gameserver/operations/flower.py"),
]


def has(owner: str, name: str) -> bool:
    """Whether a module or class has an attribute, or makes it in a method of its own or of a base."""
    module, _, path = owner.partition(":")
    found = import_module(module)
    for step in path.split(".") if path else ():
        found = getattr(found, step)
    if hasattr(found, name):
        return True
    makes = re.compile(rf'\bself\.{name}\b[^=\n]*=[^=]|__dict__\["{name}"\]')
    bases = inspect.getmro(found)[:-1] if inspect.isclass(found) else ()
    return any(makes.search(inspect.getsource(base)) for base in bases)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: f"{part.owner}.{part.name}")
def test_a_part_that_is_used_is_still_there(part: Part) -> None:
    assert has(part.owner, part.name), f"{part.package} has no {part.name} any more: look at {part.user}"


def test_a_part_that_is_not_there_is_noticed() -> None:
    assert not has("twisted.internet.tcp:Connection", "_no_such_part")
    assert not has("celery.concurrency", "_no_such_part")


@pytest.mark.parametrize("part", PARTS, ids=lambda part: f"{part.owner}.{part.name}")
def test_a_part_that_is_listed_is_used(part: Part) -> None:
    assert re.search(rf"\b{part.name}\b", (ROOT / part.user).read_text())


def private_names(tree: ast.AST) -> Iterator[str]:
    """The private names that a file takes from elsewhere: attributes that it does not make itself, and imports."""
    nodes = list(ast.walk(tree))
    made = {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}
    made |= {node.attr for node in nodes if isinstance(node, ast.Attribute) and _is_made(node)}
    made |= {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    for node in nodes:
        if isinstance(node, ast.Attribute) and node.attr not in made:
            yield node.attr
        if isinstance(node, ast.ImportFrom) and not (node.module or "").startswith(OURS):
            yield from (*(node.module or "").split("."), *(alias.name for alias in node.names))


def _is_made(node: ast.Attribute) -> bool:
    return isinstance(node.ctx, ast.Store) and isinstance(node.value, ast.Name) and node.value.id == "self"


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name not in DOCUMENTED


def test_every_private_part_that_is_used_is_listed() -> None:
    files = [file for room in OURS for file in (ROOT / room).rglob("*.py")] + list(ROOT.glob("*.py"))
    used = {
        (str(file.relative_to(ROOT)), name)
        for file in files
        for name in private_names(ast.parse(file.read_text()))
        if is_private(name)
    }
    assert ("gateway/net/reactor.py", "_poller") in used
    listed = {(part.user, name) for part in PARTS for name in (part.name, *part.owner.split(".")) if is_private(name)}
    assert used == listed


def test_libraries_whose_private_parts_are_used_have_an_upper_bound() -> None:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    bounded = {re.split(r"[^\w-]", text)[0] for text in wanted if re.search(r",<\d+$", text)}
    assert {part.package for part in PARTS} <= bounded
