"""An applier on a real database with real rules, quick passwords, and a clock that is moved by hand."""

from collections.abc import Sequence
from typing import Any

import msgspec
from cryptography.fernet import Fernet
from sqlalchemy import func, select

from gameserver.declare.base import Event
from gameserver.declare.entity import Entity
from gameserver.declare.session_events import Heartbeat
from gameserver.limits import Limits
from gameserver.messages.envelope import Envelope
from gameserver.messages.outbound import Unicast
from gameserver.modules.movement.events import Move
from gameserver.modules.sessions.entities import Player
from gameserver.modules.sessions.events import Sweep
from gameserver.modules.trade.entities import Purse
from gameserver.processing.applied_batch import Applied
from gameserver.processing.applier import Applier
from gameserver.rules.book import rules
from gameserver.rules.outcome import Context, Outcome, Rule, State, rule
from gameserver.security.sealing import Sealer
from gameserver.store import Store
from gameserver.store.tables import metadata, outbox
from gameserver.testing.two_zones import NOW_MS, WORLD, QuickPasswords, account_of, player, session_of
from gameserver.testing.whole_entities import Whole, parts_of, wholes
from tests.selections import selected

ADA, BOB, EVE = player(), player("Bob", x=13), player("Eve", zone="town", x=4, y=4, gateway="g2")
PASSWORD = "long enough"
COINS = Purse(id="").coins  # what everyone has at first


class Workshop:
    """``now_ms``: the clock of the process; ``tell`` makes envelopes as a gateway would."""

    def __init__(self, url: str, limits: Limits | None = None) -> None:
        self.store = Store(url, WORLD)
        self.sealer = Sealer(Fernet.generate_key())
        self.limits = limits or Limits()
        self.rules: dict[str, Rule] = dict(rules())
        self.now_ms = NOW_MS
        self.passwords = QuickPasswords()
        self.applier = Applier(
            store=self.store,
            rules=self.rules,
            passwords=self.passwords,
            sealer=self.sealer,
            limits=self.limits,
            clock_ms=lambda: self.now_ms,
            seed="t",
        )

    def enter(self, *bodies: Whole) -> None:
        """Put players into the world, with accounts and sessions."""
        with self.store.transaction() as transaction:
            transaction.save([thing for b in bodies for thing in (account_of(b), *b.parts, session_of(b))], [])

    def put(self, *things: Entity | Whole) -> None:
        with self.store.transaction() as transaction:
            transaction.save(parts_of(*things), [])

    def tell(self, body: Whole, event: Event, **changes: Any) -> Envelope:
        """An event of a player, as its gateway envelops it."""
        given = {
            "id": f"{body.session}:{event.seq}",
            "event": self.sealer.seal(event),
            "at_ms": self.now_ms,
            "conn": body.conn,
            "session": body.session,
            "player": body.id,
            "gateway": body.gateway,
        }
        return Envelope(**{**given, **changes})

    def apply(self, *batch: Envelope) -> Applied:
        return self.applier.apply(batch)

    def load(self, **needs: Any) -> State:
        with self.store.transaction() as transaction:
            return transaction.load([selected(**needs)])

    def players(self, *ids: str) -> dict[str, Whole]:
        return wholes(self.load(players=ids), Player)

    def player(self, id_: str) -> Whole:
        return self.players(id_)[id_]

    def coins(self, id_: str) -> int:
        purse = self.store.get(Purse, id_)
        assert purse is not None
        return purse.coins

    def due(self, kind: str = "") -> list[str]:
        """The ids of outbox rows that will ever be due, of a kind."""
        rows = self.load(orphans_before_ms=1, now_ms=2**50).due
        return sorted(row.id for row in rows if kind in ("", row.kind))

    def due_by(self, at_ms: int) -> list[str]:
        """The ids of outbox rows that are due by then, whoever is there."""
        with self.store._engine.connect() as connection:
            return [row.id for row in connection.execute(select(outbox.c.id).where(outbox.c.due_ms <= at_ms))]

    def rows(self) -> dict[str, int]:
        """How many rows each table has."""
        with self.store._engine.connect() as connection:
            tables = metadata().tables.values()
            return {table.name: connection.scalar(select(func.count()).select_from(table)) or 0 for table in tables}


def packet(direct: Unicast) -> dict[str, Any]:
    """What a client gets to read."""
    decoded: dict[str, Any] = msgspec.msgpack.decode(direct.packet)
    return decoded


def replies(applied: Applied) -> dict[int, dict[str, Any]]:
    """The replies of a batch by number."""
    return {direct.re: packet(direct) for direct in applied.outbound.unicasts if direct.re}


def reply(applied: Applied) -> dict[str, Any]:
    """The one reply of a batch."""
    (only,) = replies(applied).values()
    return only


def notices(applied: Applied, conn: str) -> list[dict[str, Any]]:
    """What a connection is told beside replies."""
    unicasts: Sequence[Unicast] = applied.outbound.unicasts
    return [packet(direct) for direct in unicasts if direct.conn == conn and not direct.re and direct.packet]


def dispatched(applied: Applied) -> list[dict[str, Any]]:
    """What the watchers of topics are told."""
    return [msgspec.msgpack.decode(dispatch.packet) for dispatch in applied.outbound.multicasts]


def broken(state: State, event: Any, context: Context) -> Outcome:
    """A rule that breaks."""
    raise ZeroDivisionError("a broken rule")


def breaks_for(whom: str, healthy: Any) -> Any:
    """A rule that breaks for one player only."""

    @rule(needs=healthy.needs, prepare=healthy.prepare, components=healthy.components)
    def choosy(state: State, event: Any, context: Context) -> Outcome:
        if context.player == whom:
            raise ZeroDivisionError("a broken rule")
        outcome: Outcome = healthy(state, event, context)
        return outcome

    return choosy


def walk(workshop: Workshop, body: Any, *seqs: int) -> list[Envelope]:
    return [workshop.tell(body, Move(dir="e" if seq % 2 else "w", seq=seq)) for seq in seqs]


def entrance(workshop: Workshop, event: Event, name: str, **changes: Any) -> Envelope:
    """An event of a connection that plays for nobody yet."""
    conn = f"n-{name.lower()}"
    given = {
        "id": f"{conn}:1",
        "event": workshop.sealer.seal(event),
        "at_ms": workshop.now_ms,
        "conn": conn,
        "gateway": "g1",
        "token": f"hash of {conn}",
    }
    return Envelope(**{**given, **changes})


def beats(workshop: Workshop, *gateways: str, **changes: Any) -> Applied:
    """These gateways say that they are alive."""
    at_ms = changes.pop("at_ms", workshop.now_ms)
    beat = Heartbeat(**{"sessions": 1, **changes})
    return workshop.apply(*(Envelope(id=f"{g}:{at_ms}", event=beat, at_ms=at_ms, conn=g, gateway=g) for g in gateways))


def sweep(workshop: Workshop) -> Any:
    n = workshop.now_ms
    return workshop.apply(Envelope(id=f"sweep:{n}", event=Sweep(n=n), at_ms=n))
