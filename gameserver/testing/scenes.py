"""Scenes for the tests of rules: states filled by hand, and events played on them. Nothing here knows a database.

def test_a_greeting_is_heard():
    ada = player("Ada")
    outcome = play(Greet(to="bea"), state(ada), circumstances(ada))
    assert told(outcome) == [Greeted(who="ada")]
"""

from collections.abc import Iterable, Mapping
from functools import cache
from random import Random
from typing import Any, TypeVar

from msgspec.structs import replace

from gameserver.declare.base import Event, Notice
from gameserver.declare.entity import Entity, actor_kind, beginning, record
from gameserver.declare.game_package import game
from gameserver.maps.objects import World
from gameserver.maps.world import load_world
from gameserver.modules.movement.maps import spawns
from gameserver.modules.sessions.entities import Account, Player, Session
from gameserver.rules.book import rules
from gameserver.rules.needs import Matching, Near, Rows
from gameserver.rules.outcome import Context, Outcome, State, components_of
from gameserver.testing.conservation import Amounts, amounts, changes, impossible, undeclared
from gameserver.testing.whole_entities import Whole, parts_of, whole_kind

T = TypeVar("T", bound=Entity)

NOW_MS = 1_700_000_000_000


@cache
def _own_world() -> World:
    """Load the game's own world, once."""
    return load_world(game().world)


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

    def get(self, kind: type[T], id_: str) -> T | None:
        return self._state.get(kind, id_)

    def find(self, kind: type[T], fields: tuple[str, ...], value: str) -> T | None:
        found = self._state.of(kind).values()
        return next((thing for thing in found if value in [getattr(thing, field) for field in fields]), None)


def player(name: str = "Ada", **changes: Any) -> Whole:
    """Make a player who is in the world, where new ones begin, over connection ``c-ada`` of gateway ``g1``.

    It has the fields of all components that stand in players' rows, as many as the game's modules have declared.
    """
    id_, start, kind = name.lower(), _own_world().start, whole_kind(Player)
    x, y = next(iter(spawns(_own_world().zones[start])), (0, 0))
    given = {"zone": start, "x": x, "y": y, "v": 1, "session": f"s-{id_}", "gateway": "g1", "conn": f"c-{id_}"}
    known = {name: value for name, value in given.items() if name in kind.__struct_fields__}
    return kind(**{"id": id_, "name": name, **known, **changes})


def absent(body: Whole) -> Whole:
    """Make the same player, not in the world and without a session."""
    return replace(body, session="", gateway="", conn="")


def cut_off(body: Whole) -> Whole:
    """Make the same player, not in the world, with a session that waits."""
    return replace(body, gateway="", conn="")


def session_of(body: Whole, **changes: Any) -> Session:
    """Make the session that a player's connection holds."""
    held = Session(id=body.session, player=body.id, gateway=body.gateway, conn=body.conn, token=f"#t-{body.id}")
    return replace(held, **changes)


def account_of(body: Whole, password: str = "long enough") -> Account:
    """Make the account of a player."""
    return Account(id=body.id, name=body.name, password_hash=f"hashed {password}", created_ms=1)


def state(
    *things: Entity | Whole, world: World | None = None, results: Mapping[Any, Any] | None = None, **loaded: Any
) -> State:
    """Fill a state with these entities, and what else was loaded (``mail``, ``mail_counts``...).

    Components of theirs that are not among them are as they begin.

    ``results``: what selections that only read found, by the selection. ``world``: the maps; the game's own by default.
    """
    filled = State(world or _own_world())
    filled.now_ms = NOW_MS
    parts = parts_of(*things)
    filled.put(_begun(parts))
    filled.put(parts)
    filled.results.update(results or {})
    for name, value in loaded.items():
        assert hasattr(filled, name)
        setattr(filled, name, value)
    return filled


def _begun(things: Iterable[Entity]) -> Iterable[Entity]:
    """Make the components of these entities, as they begin."""
    made = [(part, thing.id) for thing in things if thing.spec.of is None for part in record(type(thing))[1:]]
    return [beginning(part, id_) for part, id_ in made if not part.spec.within]


def circumstances(body: Whole | None = None, **changes: Any) -> Context:
    """Make a context: the player's own connection and session, now, with seeded dice."""
    mine = {} if body is None else {"player": body.id, "session": body.session, "conn": body.conn}
    given = {"id": "e1", "now_ms": NOW_MS, "rng": Random(1), "gateway": "g1", **mine, **changes}
    return Context(**given)


def play(event: Event, filled: State, context: Context, passwords: QuickPasswords | None = None) -> Outcome:
    """Play an event by the book: prepared as ``apply`` would, the state left as it was, what is conserved conserved.

    Of players it sees those components that the rule (or a hook) asks for.
    """
    rule: Any = rules()[event.spec.name]
    if rule.prepare is not None:
        prepared = rule.prepare(event, context, StateReader(filled), passwords or QuickPasswords())
        context = replace(context, prepared=prepared)
    needs = rule.needs(event, context) if rule.needs else ()
    filled = _asked_for(filled, {*components_of(rule), *(kind for need in needs for kind in _kinds(need))})
    before = {kind: dict(things) for kind, things in filled.things.items()}
    outcome: Outcome = rule(filled, event, context)
    assert filled.things == before, "a rule only reads its state"
    wrong = [*undeclared(event.spec.task, changes(filled, outcome)), *impossible(_left(filled, outcome))]
    assert not wrong, "; ".join(wrong)
    return outcome


def _asked_for(filled: State, kinds: set[type[Entity]]) -> State:
    """The state without the components of players that nobody asked for."""
    lacking = [kind for kind in record(actor_kind())[1:] if kind not in kinds]
    seen = filled.to_be_changed(lacking)
    for kind in lacking:
        seen.things[kind].clear()
    return seen


def _kinds(need: Any) -> Iterable[type[Entity]]:
    """The kinds of entities that a selection names."""
    if isinstance(need, Near):
        return (need.viewer, *need.kinds)
    if isinstance(need, Matching):
        return (need.kind, *(kind for _, kind in need.bring))
    return (need.kind, *need.components) if isinstance(need, Rows) else ()


def _left(filled: State, outcome: Outcome) -> Amounts:
    """What is conserved, as an outcome leaves it, as far as the state shows it."""
    return amounts(thing for things in filled.folded(outcome).things.values() for thing in things.values())


def fold(filled: State, outcome: Outcome) -> None:
    """Do to a state what the applier does with an outcome, as far as rules can see it."""
    for thing in outcome.drop:
        filled.things[type(thing)].pop(thing.id, None)
    filled.put(outcome.put)


def told(outcome: Outcome) -> list[Notice]:
    """Return the notices of an outcome."""
    return [tell.notice for tell in outcome.notifications if tell.notice is not None]


def put(outcome: Outcome, id_: str) -> Any:
    """Return the one thing that an outcome puts under this id."""
    (thing,) = [thing for thing in outcome.put if thing.id == id_]
    return thing
