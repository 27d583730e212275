"""A world of two zones, and states filled by hand, for the tests of rules. Nothing here knows a database."""

from random import Random
from typing import Any

from msgspec.structs import replace

from gameserver.declare.base import Event, Notice
from gameserver.rules.book import rules
from gameserver.rules.outcome import Context, Outcome, State
from gameserver.world.kinds import KINDS
from gameserver.world.maps import CreatureSpawn, Portal, World, Zone
from gameserver.world.state import Account, Creature, Player, Session, Thing

NOW_MS = 1_700_000_000_000

MEADOW = Zone(
    name="meadow",
    title="The Meadow",
    width=32,
    height=20,
    walls=frozenset({(5, 5), (6, 5), (7, 5)}),
    spawns=((2, 2), (3, 2)),
    portals={(31, 10): Portal("town", 1, 1)},
    safe=False,
    creatures=(CreatureSpawn("meadow.rat.1", "rat", 12, 12), CreatureSpawn("meadow.wolf.2", "wolf", 26, 3)),
)
TOWN = Zone(
    name="town",
    title="The Town",
    width=12,
    height=12,
    walls=frozenset({(0, 0)}),
    spawns=((4, 4),),
    portals={(0, 1): Portal("meadow", 30, 10)},
    safe=True,
    creatures=(CreatureSpawn("town.rat.1", "rat", 6, 6),),
)
WORLD = World(zones={"meadow": MEADOW, "town": TOWN}, start="meadow")


class QuickPasswords:
    """Passwords that are hashed at once. ``work``: what was asked of it."""

    def __init__(self) -> None:
        self.work: list[str] = []

    def hash(self, password: str) -> str:
        self.work.append("hash")
        return f"hashed {password}"

    def verify(self, password_hash: str, password: str) -> bool:
        self.work.append("verify")
        return password_hash == f"hashed {password}"

    def digest(self, token: str) -> str:
        return f"#{token}"


class StateReader:
    """What may be read before the transaction, from a state filled by hand."""

    def __init__(self, known: State) -> None:
        self._state = known

    def account(self, player: str) -> Account | None:
        return self._state.accounts.get(player)

    def session_by_token(self, token_hash: str) -> Session | None:
        opened = (s for s in self._state.sessions.values() if token_hash in (s.token, s.token_before))
        return next(opened, None)


def player(name: str = "Ada", **changes: Any) -> Player:
    """A player in the middle of the meadow, in the world over connection ``c-ada`` of gateway ``g1``."""
    id_ = name.lower()
    body = Player(id=id_, name=name, zone="meadow", x=12, y=10, session=f"s-{id_}", gateway="g1", conn=f"c-{id_}", v=1)
    return replace(body, **changes)


def absent(body: Player) -> Player:
    """The same, not in the world, and without a session."""
    return replace(body, session="", gateway="", conn="")


def cut_off(body: Player) -> Player:
    """The same, not in the world, with a session that waits."""
    return replace(body, gateway="", conn="")


def session_of(body: Player, **changes: Any) -> Session:
    """The session that a player's connection holds."""
    held = Session(id=body.session, player=body.id, gateway=body.gateway, conn=body.conn, token=f"#t-{body.id}")
    return replace(held, **changes)


def account_of(body: Player, password: str = "long enough") -> Account:
    """The account of a player."""
    return Account(id=body.id, name=body.name, password_hash=f"hashed {password}", created_ms=1)


def creature(id_: str = "meadow.rat.1", **changes: Any) -> Creature:
    """A creature in full health; its kind stands in its id."""
    zone, kind, _ = id_.split(".")
    return replace(Creature(id=id_, kind=kind, zone=zone, x=13, y=10, hp=KINDS[kind].hp_max, v=1), **changes)


def state(*things: Thing, **loaded: Any) -> State:
    """A state that holds these things, and what else was loaded (``histories``, ``mail``, ``online``...)."""
    filled = State(WORLD)
    filled.now_ms = NOW_MS
    filled.put(things)
    for name, value in loaded.items():
        assert hasattr(filled, name)
        setattr(filled, name, value)
    return filled


def circumstances(body: Player | None = None, **changes: Any) -> Context:
    """A context: the player's own connection and session, now, with seeded dice."""
    mine = {} if body is None else {"player": body.id, "session": body.session, "conn": body.conn}
    given = {"id": "e1", "now_ms": NOW_MS, "rng": Random(1), "gateway": "g1", **mine, **changes}
    return Context(**given)


def play(event: Event, world: State, context: Context, passwords: QuickPasswords | None = None) -> Outcome:
    """Play an event by the book: prepared as ``apply`` would, and the state left as it was."""
    rule: Any = rules()[event.spec.name]
    if rule.prepare is not None:
        prepared = rule.prepare(event, context, StateReader(world), passwords or QuickPasswords())
        context = replace(context, prepared=prepared)
    if rule.needs:
        rule.needs(event, context)
    before = {kind: dict(things) for kind, things in world.things.items()}
    outcome: Outcome = rule(world, event, context)
    assert world.things == before, "a rule only reads its state"
    return outcome


def fold(world: State, outcome: Outcome) -> None:
    """What ``apply`` does with an outcome, as far as rules can see it."""
    for thing in outcome.drop:
        world.things[type(thing)].pop(thing.id, None)
    world.put(outcome.put)


def told(outcome: Outcome) -> list[Notice]:
    """The notices of an outcome."""
    return [tell.notice for tell in outcome.notifications if tell.notice is not None]


def put(outcome: Outcome, id_: str) -> Any:
    """The one body that an outcome puts under this id."""
    (body,) = [thing for thing in outcome.put if thing.id == id_ and isinstance(thing, Player | Creature)]
    return body
