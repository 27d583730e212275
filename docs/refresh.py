"""Writes anew what is generated in this project: ``python docs/refresh.py``, or ``make docs``.

Tables and diagram of docs/protocol.md, the table of docs/capacity.md, what names families and events in docker/, and
the types of the JavaScript library.
Each part stands between a pair of marker comments; everything else in a file is left as it is. Afterwards it is said of
each file whether it changed.
"""

import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from gameserver.declare import catalogue
from gameserver.declare.game_package import game
from gameserver.maps import pictures
from gameserver.maps.world import load_world
from gameserver.operations import capacity_table, event_reference, typescript
from gameserver.wire import states

ROOT = Path(__file__).parents[1]
PROTOCOL = "docs/protocol.md"
CAPACITY = "docs/capacity.md"
PRODUCTION = "docker/compose.production.yml"
SCRAPED = "docker/prometheus/containers.yml"
RULES = "docker/prometheus/rules.yml"
ALERTS = "docker/prometheus/alerts.yml"
PICTURES = "docs/images/zones"
TYPES = "gateway/web/gameserver-client/events.d.ts"


class Part(NamedTuple):
    """One generated part: the file in which it stands, its marker, and what makes it."""

    file: str
    name: str
    make: Callable[[], str]


def _diagram() -> str:
    return f"```mermaid\n{states.diagram()}\n```"


def _workers() -> str:
    """A service for each family."""
    return "\n\n".join(
        f"  worker-{family}:\n"
        "    <<: *worker\n"
        f'    command: [celery, -A, tasks, worker, -Q, {family}, -n, "{family}@%h",'
        ' --pool, prefork, --concurrency, "1"]\n'
        f'    scale: "${{WORKERS_{family.upper()}:-1}}"'
        for family in sorted(catalogue.families())
    )


def _names_of_workers() -> str:
    return f"      - names: [{', '.join(f'worker-{family}' for family in sorted(catalogue.families()))}]"


def _age() -> str:
    """The scaling signal, which takes the family from a queue's name."""
    families = "|".join(sorted(catalogue.families()))
    return f"""\
      - record: gameserver:oldest_event_age_seconds
        expr: |
          max by (family) (
            gameserver_oldest_event_age_seconds
            or
            label_replace(
              time() - rabbitmq_queue_head_message_timestamp{{queue=~"({families})([.].*)?"}} > 15,
              "family", "$1", "queue", "([^.]+).*"
            )
          )"""


def _pulse() -> str:
    """The alert of a world that stands still, by the most frequent event of beat. Nothing in a world without one."""
    pulse = catalogue.pulse()
    if pulse is None:
        return "      # This game has no event that beat sends."
    return f"""\
      - alert: WorldStandsStill
        expr: (sum(rate(gameserver_worker_events_total{{event="{pulse.name}",outcome="ok"}}[1m])) or vector(0)) == 0
        for: 30s
        labels: {{severity: page}}
        annotations:
          summary: No {pulse.name} moved the world, which stands still.
          command: celery -A tasks beat"""


PARTS = (
    Part(PROTOCOL, "events", lambda: event_reference.markdown().strip()),
    Part(PROTOCOL, "states", _diagram),
    Part(CAPACITY, "sizes", capacity_table.table),
    Part(PRODUCTION, "workers", _workers),
    Part(SCRAPED, "workers", _names_of_workers),
    Part(RULES, "age", _age),
    Part(ALERTS, "pulse", _pulse),
    Part(TYPES, "events", typescript.declarations),
)


def between(text: str, name: str) -> str:
    """What a file has between a pair of markers. Raises ``LookupError`` without exactly one such pair."""
    found = [match[2] for match in _marked(name).finditer(text)]
    if len(found) != 1:
        raise LookupError(f"{len(found)} pairs of the markers {name} and end of {name}")
    return str(found[0]).strip("\n")


def refreshed(text: str, parts: Iterable[Part]) -> str:
    """A file's text with its generated parts as they should be."""
    for part in parts:
        between(text, part.name)
        text = _marked(part.name).sub(lambda match, part=part: f"{match[1]}{part.make()}{match[3]}", text)
    return text


def _marked(name: str) -> re.Pattern[str]:
    """A part between its markers: comments of Markdown, of YAML, or of TypeScript."""
    begin = rf"<!-- {name} -->\n\n|^ *(?:#|//) {name}, made by docs/refresh\.py\n"
    end = rf"\n\n<!-- end of {name} -->|\n *(?:#|//) end of {name}$"
    return re.compile(rf"({begin})(.*?)({end})", re.DOTALL | re.MULTILINE)


def refresh(root: Path) -> list[str]:
    """Write what changed. Returns a sentence for each file."""
    return [_refresh(root, file) for file in dict.fromkeys(part.file for part in PARTS)]


def _refresh(root: Path, file: str) -> str:
    before = (root / file).read_text()
    mine = [part for part in PARTS if part.file == file]
    changed = [part.name for part in mine if between(before, part.name) != part.make()]
    if not changed:
        return f"{file} was current."
    (root / file).write_text(refreshed(before, mine))
    return f"{file} was behind: {' and '.join(changed)} written anew."


def draw(root: Path) -> list[str]:
    """Draw the pictures of maps that are behind. Returns a sentence for each."""
    world = game().world
    return [
        f"{PICTURES}/{name}.svg drawn anew." for name in pictures.refresh(world, load_world(world), root / PICTURES)
    ]


if __name__ == "__main__":
    sys.stdout.write("\n".join(refresh(ROOT)) + "\n")
    sys.stderr.writelines(f"{sentence}\n" for sentence in draw(ROOT))
