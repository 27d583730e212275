"""``python -m tests.benchmarks.saved``: how long it takes under ``gameserver dev`` until what is saved is live.

Measured is what a player sees: from the end of the write until the first answer, or notice, that only the new game
gives, to a client that stays connected and acts again and again.
"""

import re
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import msgspec

from gameserver.local.scaffold import files
from gameserver.testing.line_client import LineClient, Packet
from gameserver.testing.rabbitmq_node import RunningNode
from tests.integration.test_development import GREETINGS, TALLY, Game, with_count, with_count_rule

TRIALS = 5
ENTITIES = files("isle")["isle/gestures/entities.py"]
AGAIN_S = 0.02
LIVE_S_MAX = 20.0


class Change(msgspec.Struct, frozen=True):
    """Something to save; ``save`` gives the last file that it writes. ``event``: what a client sends to see it."""

    save: Callable[[], Path]
    event: str
    is_seen: Callable[[Packet], bool]
    fields: dict[str, str] = {}


def a_rule(game: Game, n: int) -> Change:
    """a rule"""
    told = lambda text: re.sub("who=[^,)]*", f'who="{n}"', text)  # noqa: E731
    return Change(lambda: game.save("gestures/rules.py", told), "wave", lambda packet: packet.get("who") == str(n))


def a_field(game: Game, n: int) -> Change:
    """an event's new field"""
    added = lambda text: text.replace('see you."""', f'see you."""\n\n    how{n}: str = ""')  # noqa: E731
    return Change(lambda: game.save("gestures/events.py", added), "wave", is_ok, {f"how{n}": "so"})


def a_module(game: Game, n: int) -> Change:
    """a new module with an event"""

    def save() -> Path:
        named = {file: re.sub(r"\b(greetings|Greet|greet)\b", rf"\g<1>{n}", text) for file, text in GREETINGS.items()}
        return [game.save(f"greetings{n}/{file}", text=text) for file, text in named.items()][-1]

    return Change(save, f"greet{n}", is_ok)


def a_map(game: Game, n: int) -> Change:
    """a map"""
    titled = lambda text: re.sub("The (Village|Town [0-9])", f"The Town {n}", text)  # noqa: E731
    return Change(
        lambda: game.save("maps/village.tmj", titled), "look", lambda packet: packet.get("title") == f"The Town {n}"
    )


def an_entity(game: Game, n: int) -> Change:
    """an entity's new field, from its migration on"""
    migrations = game.package / "migrations" / "versions"

    def save() -> Path:
        if n == 0:
            game.save("gestures/events.py", with_count)
            game.save("gestures/rules.py", with_count_rule)
        fields = {f"more{k}": k for k in range(n + 1)}
        declared = TALLY.replace("@entity()", f"@entity(added={tuple(fields)})")
        game.save(
            "gestures/entities.py",
            text=ENTITIES + declared + "".join(f"    {name}: int = {k}\n" for name, k in fields.items()),
        )
        told = lambda text: re.sub(r"count=(1000 \+ )?after\.\w+", f"count=1000 + after.more{n}", text)  # noqa: E731
        game.save("gestures/rules.py", told)
        game.run("migrations", "make", f"more{n}")
        return max(migrations.glob("*.py"))

    shown = lambda packet: packet.get("data", {}).get("count") == 1000 + n  # noqa: E731
    return Change(save, "count", shown)


def is_ok(packet: Packet) -> bool:
    return bool(packet["type"] == "ok")


def live_after_s(game: Game, client: LineClient, change: Change) -> float:
    """Save, and act until it shows. Counted from when the file was written."""
    written_s = change.save().stat().st_mtime
    while time.time() - written_s < LIVE_S_MAX:
        reply = client.ask(change.event, **change.fields)
        client.read_for(AGAIN_S)
        if change.is_seen(reply) or any(map(change.is_seen, client.inbox)):
            return time.time() - written_s
        client.inbox.clear()
    raise AssertionError(f"{change.event} {change.fields} is not live: {reply}\n{game.said}")


def measure(amqp_url: str, folder: Path) -> None:
    """Print a row for each kind of change."""
    game = Game(folder, amqp_url)
    with game.followed(), LineClient(game.port) as client:
        client.register("Ada")
        for kind in (a_rule, a_field, a_module, a_map, an_entity):
            times = sorted(live_after_s(game, client, kind(game, n)) for n in range(TRIALS))
            shown = ", ".join(f"{seconds:.2f}" for seconds in times)
            print(f"| {kind.__doc__} | {median(times):.2f} | {shown} |", flush=True)


def main() -> int:
    """Measure on a broker of its own."""
    print("| saved | seconds until live, median | of 5 trials, sorted |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        node = RunningNode.somewhere(Path(folder) / "rabbitmq")
        try:
            node.start()
            node.wait_until_up()
            measure(node.amqp_url(), Path(folder))
        finally:
            node.kill()
            node.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
