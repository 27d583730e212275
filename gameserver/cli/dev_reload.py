"""Prepare each reload of ``gameserver dev``: check the game as its files are now, then migrate and declare queues."""

from collections.abc import Sequence
from pathlib import Path

from gameserver import config
from gameserver.broker.connections import connected
from gameserver.broker.declare_queues import ensure_topology
from gameserver.broker.topology import EVENTS, Topology, topology
from gameserver.cli.common import queues_of_families
from gameserver.cli.database import bring_up_to_date
from gameserver.client.bots.profile import profile
from gameserver.declare import catalogue
from gameserver.declare.game_package import game, own_folders
from gameserver.local.forked_reading import Reading
from gameserver.local.game_check import read_game
from gameserver.local.plan import worker_name
from gameserver.local.run import Followed
from gameserver.operations.inspector import Inspector


def prepare(served: list[str]) -> Reading:
    """Check the game, bring database and broker in line with it, and have new families served.

    ``served``: the families that have workers of their own. Raises ``Corrupt`` where the game contradicts itself, and
    then nothing was done.
    """
    settings = config.load()
    read_game(settings)
    profile()
    wanted = topology(settings.limits, settings.queues)
    done = bring_up_to_date(settings)
    with connected(settings.amqp_url) as connection:
        ensure_topology(connection, wanted)
    *_, host = (family for family in served if family in catalogue.families())
    for family in catalogue.families():
        if family not in served:
            _have_served(settings.amqp_url, wanted, family, host)
    return _reading([f"{count} {what}" for what, count in sorted(done.items())])


def followed() -> Followed:
    """The game that is played, as something to be followed."""
    return Followed(folders=_folders(), prepare=f"{__name__}:{prepare.__name__}", live=_reading())


def _folders() -> list[Path]:
    """Where the game's files lie: its code, and its world where that stands elsewhere."""
    world = [file.parent.resolve() for file in (game().world, *game().data.values())]
    code = own_folders()
    return [*code, *(each for each in dict.fromkeys(world) if not any(map(each.is_relative_to, code)))]


def _reading(done: Sequence[str] = ()) -> Reading:
    return Reading(
        families=queues_of_families(config.load()),
        declared=f"{catalogue.fingerprint()} {catalogue.specs()} {[n.notice for n in catalogue.notices().values()]}",
        clock=str([(spec.task, spec.every_s) for spec in catalogue.periodic()]),
        done=list(done),
    )


def _have_served(amqp_url: str, wanted: Topology, family: str, worker: str) -> None:
    """Have a running worker take from the queues of one more family, whose own worker is not there yet."""
    inspector = Inspector(amqp_url)
    for queue in wanted.queues:
        if queue.exchange == EVENTS and queue.name in wanted.queues_of(family):
            inspector.consume(worker_name(worker), EVENTS, queue.name, queue.arguments)
