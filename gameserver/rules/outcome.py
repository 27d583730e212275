"""What goes into a rule and what comes out of it.

``Needs`` names the rows to load (and lock), ``State`` is what was loaded, ``Context`` the event's circumstances,
``Outcome`` everything the rule wants to happen. ``gameserver.processing`` makes it happen, all of it or nothing.
"""

from collections import ChainMap
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from typing import Any, Protocol, TypeVar

import msgspec

from gameserver.declare.base import Event, Notice, Result
from gameserver.declare.entity import Entity, actor_kind, kinds
from gameserver.declare.packet_parts import Part
from gameserver.declare.signatures import misfits, misfits_of_options
from gameserver.declare.source_locations import caller
from gameserver.errors import Corrupt
from gameserver.maps.objects import World, Zone
from gameserver.maps.world import nowhere
from gameserver.messages.outbound import SessionUpdate
from gameserver.rules.needs import Column, Count, Listing, Needs

C = TypeVar("C")
T = TypeVar("T", bound=Entity)
P = TypeVar("P", bound=Part)


class Waiting(msgspec.Struct, frozen=True):
    """A row of the outbox: something to be sent again until its receiver has dealt with it.

    ``kind``: "mail" for one player (until acknowledged), "talk" for a topic (until published), "event" for a process
    (until applied). ``body``: encoded as it will be sent. ``untold``: it was never sent so far, so that later notices
    may be merged into it.
    """

    id: str
    kind: str
    player: str
    body: bytes
    untold: bool = False


class Actor(Protocol):
    """What the engine must know of whoever sends events: the game's entity that is declared with ``actor=True``.

    ``session``: the last one; ``gateway`` and ``conn``: where it is connected, "" for not in the world; ``marks``: the
    watermarks of its session (``rules.watermarks``).
    """

    @property
    def id(self) -> str: ...
    @property
    def session(self) -> str: ...
    @property
    def gateway(self) -> str: ...
    @property
    def conn(self) -> str: ...
    @property
    def marks(self) -> str: ...


class State:
    """What was loaded for a batch, with the changes of the batch's earlier events folded in. Rules only read it.

    ``of`` and ``get`` give entities; ``found``, ``values`` and ``count`` the results of selections that only read.
    ``now_ms``: server time. ``before``: to a hook, the state that the rule was given. ``mail``, ``mail_counts``,
    ``due``: what of the outbox was asked for; ``untold``:
    by each player whose mail was counted, that into which more may be merged. ``laid_aside``: ids
    of mail that is due and whose receivers are absent: the store lets it wait until they come.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.now_ms = 0
        self._before: State | None = None  # of itself nothing: a batch is not to wait for Python's search for cycles
        self.things: Mapping[type[Entity], dict[str, Any]] = {kind: {} for kind in kinds()}
        self.results: dict[Listing[Any] | Column | Count, Any] = {}
        self.mail: dict[str, tuple[Waiting, ...]] = {}
        self.mail_counts: MutableMapping[str, int] = {}
        self.untold: dict[str, tuple[Waiting, ...]] = {}
        self.due: tuple[Waiting, ...] = ()
        self.laid_aside: tuple[str, ...] = ()

    @property
    def before(self) -> "State":
        """The state that the rule was given: what a hook sees of how it was."""
        return self._before or self

    def of(self, kind: type[T]) -> Mapping[str, T]:
        """The entities of a kind, as far as they were loaded, by id. Raises ``Corrupt`` ``bad_entity`` for no kind."""
        try:
            return self.things[kind]
        except KeyError:
            raise Corrupt(
                "bad_entity", f"{kind.__name__} is no entity of this game: it stands in no entities.py."
            ) from None

    def get(self, kind: type[T], id_: str) -> T | None:
        """One entity, if it was loaded and is there. Raises the same."""
        try:
            found: T | None = self.things[kind].get(id_)
        except KeyError:
            return self.of(kind).get(id_)
        return found

    def found(self, selection: Listing[T]) -> tuple[T, ...]:
        """What ``newest`` or ``portion`` found."""
        found: tuple[T, ...] = self.results.get(selection, ())
        return found

    def values(self, selection: Column) -> tuple[Any, ...]:
        """What ``values`` or ``distinct`` found."""
        found: tuple[Any, ...] = self.results.get(selection, ())
        return found

    def count(self, selection: Count) -> int:
        """What ``count`` found."""
        found: int = self.results.get(selection, 0)
        return found

    @property
    def actors(self) -> Mapping[str, Actor]:
        """Those whose events these are, as far as they were loaded, by id."""
        return self.of(actor_kind())

    def zone(self, name: str) -> Zone:
        """The map of a zone, or of an instance of a template.

        Of one that no map shows (maps change) it is one on which nobody can walk or fight.
        """
        return self.world.zone(name) or nowhere(name)

    def count_mail(self, player: str) -> None:
        """One more durable notice waits for a player: the batch's next event finds it counted."""
        self.mail_counts[player] = self.mail_counts.get(player, 0) + 1

    def put(self, things: Iterable[Entity]) -> None:
        """Add entities, of any kinds."""
        for thing in things:
            self.things[type(thing)][thing.id] = thing

    def to_be_changed(self, kinds: Iterable[type[Entity]]) -> "State":
        """Return a state in which entities of these kinds may be put. This one stays as it is."""
        return self._changed({**self.things, **{kind: dict(self.things[kind]) for kind in kinds}}, self.mail_counts)

    def folded(self, outcome: "Outcome") -> "State":
        """Return the state as an outcome leaves it. This one stays as it is: the event may be refused yet."""
        mailed = outcome.mailed()
        after = self._changed(
            _Folded(self.things, outcome), ChainMap({}, self.mail_counts) if mailed else self.mail_counts
        )
        for player in mailed:
            after.count_mail(player)
        return after

    def _changed(self, things: Mapping[type[Entity], dict[str, Any]], mail_counts: MutableMapping[str, int]) -> "State":
        """Return a copy with these. What ``copy`` does takes several times as long, and this is done for each event."""
        after = object.__new__(State)
        after.__dict__ = {**self.__dict__, "_before": self.before, "things": things, "mail_counts": mail_counts}
        return after


class _Folded(Mapping[type[Entity], dict[str, Any]]):
    """Entities by kind and id, as an outcome leaves them.

    Of a kind that it touches they are put together when they are asked for. Hooks ask for few kinds, and a batch has
    thousands of entities.
    """

    def __init__(self, before: Mapping[type[Entity], dict[str, Any]], outcome: "Outcome") -> None:
        self._before = before
        self._outcome = outcome
        self._found: dict[type[Entity], dict[str, Any]] = {}

    def __getitem__(self, kind: type[Entity]) -> dict[str, Any]:
        found = self._found.get(kind)
        if found is None:
            found = self._found[kind] = self._put_together(kind)
        return found

    def _put_together(self, kind: type[Entity]) -> dict[str, Any]:
        put = {thing.id: thing for thing in self._outcome.put if type(thing) is kind}
        before = self._before[kind]
        if dropped := {thing.id for thing in self._outcome.drop if type(thing) is kind}:
            before = {id_: thing for id_, thing in before.items() if id_ not in dropped}
        return before | put if put else before

    def __iter__(self) -> Iterator[type[Entity]]:
        return iter(self._before)

    def __len__(self) -> int:
        return len(self._before)


class Passwords(Protocol):
    """Hashing of passwords, slow on purpose, and of tokens, which are random and need no slowness."""

    def hash(self, password: str) -> str: ...

    def verify(self, password_hash: str, password: str) -> bool: ...

    def digest(self, token: str) -> str: ...


class Reader(Protocol):
    """What may be read before the transaction begins, without locks."""

    def get(self, kind: type[T], id_: str) -> T | None:
        """An entity by its id."""

    def find(self, kind: type[T], fields: tuple[str, ...], value: str) -> T | None:
        """An entity one of whose fields has this value."""


class Dice(Protocol):
    """Randomness, as ``random.Random`` gives it. Seeded by the caller, so that a replay falls alike."""

    def random(self) -> float: ...

    def randint(self, a: int, b: int) -> int: ...

    def choice(self, seq: Sequence[C]) -> C: ...


class Context(msgspec.Struct, frozen=True):
    """An event's circumstances. ``now_ms``: when it happens; ``rng``: seeded with its id.

    A client's event happens when its gateway accepted it, but not in the future; all others happen as they are applied.

    ``prepared``: what the rule's ``prepare`` found out before the transaction.
    """

    id: str
    now_ms: int
    rng: Dice
    player: str = ""
    session: str = ""
    conn: str = ""
    gateway: str = ""
    token: str = ""
    prepared: Any = None


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """A notice and who is told: all who watch a topic of ``to`` and none of ``unless``, or one ``player``.

    With ``conn`` (and its ``gateway``) one connection is told, whoever it plays for. ``follow`` goes with it.
    """

    notice: Notice | None = None
    to: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    player: str = ""
    conn: str = ""
    gateway: str = ""
    follow: SessionUpdate | None = None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a rule wants to happen.

    ``put`` and ``drop``: things replaced and removed, all of them locked by what the rule needs, or new.
    ``parts``: what is added to the result (see ``adds``). ``notifications``: notices, and who is told. ``events``:
    events born of this one. ``again``: waiting notices to be sent again; ``done``: ids of those that have arrived.
    ``follow``: what the sender's gateway has to do.
    """

    result: Result | None = None
    parts: tuple[Part, ...] = ()
    put: tuple[Entity, ...] = ()
    drop: tuple[Entity, ...] = ()
    notifications: tuple[Notification, ...] = ()
    events: tuple[Event, ...] = ()
    again: tuple[Waiting, ...] = ()
    done: tuple[str, ...] = ()
    follow: SessionUpdate | None = None

    def part(self, kind: type[P]) -> P | None:
        """What was added to the result by a part of this type, last; ``None`` where nothing was."""
        return next((part for part in reversed(self.parts) if type(part) is kind), None)

    def mailed(self) -> list[str]:
        """Whom durable notices will wait for, once for each that is kept by itself."""
        return [tell.player for tell in self.notifications if tell.player and not tell.to and _takes_room(tell.notice)]


def _takes_room(notice: Notice | None) -> bool:
    return notice is not None and notice.notice.durable and not notice.notice.merge


Rule = Callable[[State, Any, Context], Outcome]
Components = tuple[type[Entity], ...] | Callable[[], tuple[type[Entity], ...]]


MAIL_MAX = 200


def has_room_for_mail(state: State, receiver: str) -> bool:
    """Whether a durable notice may wait for a player: so many may at most. It needs ``mail_count(receiver)``.

    Notices that are merged (``@notice(merge=...)``) always may: where there is no room they are merged.
    """
    return state.mail_counts.get(receiver, 0) < MAIL_MAX


F = TypeVar("F", bound=Rule)

# What the functions of a rule are called with: it and its repetition, its needs, its preparation.
ANSWERS, ASKS = ("state", "event", "context"), ("event", "context")
_PLACES: dict[tuple[str, str], str] = {}  # of rules, by module and name
PREPARES = (*ASKS, "reader", "passwords")


def components_of(rule: Any) -> tuple[type[Entity], ...]:
    """The components of the player that a rule needs."""
    found: tuple[type[Entity], ...] = rule.components() if callable(rule.components) else rule.components
    return found


def rule(
    *,
    needs: Callable[[Any, Context], Needs] | None = None,
    prepare: Callable[[Any, Context, Reader, Passwords], Any] | None = None,
    repeat: Rule | None = None,
    components: Components = (),
) -> Callable[[F], F]:
    """Say what a rule needs: the rows to load, and what to find out before the transaction (slow hashing, say).

    The player whose event it is is loaded always, with those of its ``components`` that are named (or that a function
    names, once the game is known). ``repeat``
    answers a transient event that comes again after it took effect: with the ``result``, ``notifications`` and
    ``follow`` of its outcome it says how things stand now, and it changes nothing. (A durable event is answered as it
    was then.) Raises ``Corrupt`` ``bad_declaration`` for functions that take other arguments, or are no functions.
    """
    at = caller()
    options = {"needs": (needs, ASKS), "prepare": (prepare, PREPARES), "repeat": (repeat, ANSWERS)}

    def mark(function: F) -> F:
        name = getattr(function, "__name__", repr(function))
        written = getattr(function, "__module__", ""), getattr(function, "__qualname__", name)
        first = _PLACES.setdefault(written, at)
        if first.rpartition(":")[0] == at.rpartition(":")[0] and first != at:
            raise Corrupt("bad_declaration", f"{at}: the rule {name} stands in {first} already.")
        for fault, true in (misfits("it", function, ANSWERS) | misfits_of_options(options)).items():
            if true:
                raise Corrupt("bad_declaration", f"{at}: the rule {name}: {fault}.")
        function.needs = needs  # type: ignore[attr-defined]
        function.prepare = prepare  # type: ignore[attr-defined]
        function.repeat = repeat  # type: ignore[attr-defined]
        function.components = components  # type: ignore[attr-defined]
        return function

    return mark
