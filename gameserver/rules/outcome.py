"""What goes into a rule and what comes out of it.

``Needs`` names the rows to load (and lock), ``State`` is what was loaded, ``Context`` the event's circumstances,
``Outcome`` everything the rule wants to happen. ``apply`` makes it happen, all of it or nothing.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from typing import Any, Protocol, TypeVar

import msgspec

from gameserver.declare.base import Event, Notice, Result
from gameserver.errors import NotNow, Rejected
from gameserver.messages.outbound import SessionUpdate
from gameserver.world.maps import World, Zone, nowhere
from gameserver.world.state import (
    Account,
    ChatLine,
    Creature,
    Gateway,
    Membership,
    Player,
    Session,
    Thing,
    ZoneClock,
)

C = TypeVar("C")


class Waiting(msgspec.Struct, frozen=True):
    """A row of the outbox: something to be sent again until its receiver has dealt with it.

    ``kind``: "mail" for one player (until acknowledged), "talk" for a topic (until published), "event" for a process
    (until applied). ``body``: encoded as it will be sent.
    """

    id: str
    kind: str
    player: str
    body: bytes


class Needs(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The rows that a rule wants. Ids, except where said otherwise.

    ``zones``: everything in these zones (clock, creatures, players present). ``around``: what this player can see, to
    be read only; ``around_locked``: the same to be changed, the 200 nearest players and as many creatures.
    ``memberships_of``: the channels of these players. ``histories``: the last lines of these channels.
    ``mail``: durable notices waiting for these players, ``mail_counts``: how many. ``online``: the names of players
    present. ``orphans_before_ms``: players and sessions whose gateway was not seen since, and with ``now_ms`` what is
    due by now: outbox rows and sessions past their time. ``busy_zones``: the zones in which players are, and
    in which any of them is dead or wounded. ``held_by``: how many sessions these gateways hold. ``rolls``: the sessions
    that these hold, from the connection after ``roll_after`` on, a portion.
    """

    accounts: tuple[str, ...] = ()
    players: tuple[str, ...] = ()
    creatures: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    sessions_of: tuple[str, ...] = ()
    clocks: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    around: tuple[str, ...] = ()
    around_locked: tuple[str, ...] = ()
    memberships_of: tuple[str, ...] = ()
    histories: tuple[str, ...] = ()
    mail: tuple[str, ...] = ()
    mail_counts: tuple[str, ...] = ()
    online: bool = False
    busy_zones: bool = False
    orphans_before_ms: int = 0
    now_ms: int = 0
    held_by: tuple[str, ...] = ()
    rolls: tuple[str, ...] = ()
    roll_after: str = ""


class State:
    """What was loaded for a batch, with the changes of the batch's earlier events folded in. Rules only read it.

    ``things``: by kind and id; the other names of these are there for rules. ``now_ms``: server time. ``laid_aside``:
    ids of mail that is due and whose receivers are absent: the store lets it wait until they come.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.now_ms = 0
        self.things: dict[type[Thing], dict[str, Any]] = {kind: {} for kind in KINDS_OF_THINGS}
        self._name_things()
        self.histories: dict[str, tuple[ChatLine, ...]] = {}
        self.mail: dict[str, tuple[Waiting, ...]] = {}
        self.mail_counts: dict[str, int] = {}
        self.due: tuple[Waiting, ...] = ()
        self.laid_aside: tuple[str, ...] = ()
        self.online: tuple[tuple[str, ...], int] = ((), 0)
        self.busy_zones: frozenset[str] = frozenset()
        self.hurt_zones: frozenset[str] = frozenset()
        self.held_counts: dict[str, int] = {}
        self.rolls: dict[str, tuple[Session, ...]] = {}

    def _name_things(self) -> None:
        self.accounts: Mapping[str, Account] = self.things[Account]
        self.players: Mapping[str, Player] = self.things[Player]
        self.creatures: Mapping[str, Creature] = self.things[Creature]
        self.sessions: Mapping[str, Session] = self.things[Session]
        self.clocks: Mapping[str, ZoneClock] = self.things[ZoneClock]
        self.gateways: Mapping[str, Gateway] = self.things[Gateway]
        self.memberships: Mapping[str, Membership] = self.things[Membership]

    def zone(self, name: str) -> Zone:
        """The map of a zone; of one that no map shows (maps change) one on which nobody can walk or fight."""
        return self.world.zones.get(name) or nowhere(name)

    def players_in(self, zone: str) -> list[Player]:
        """The players present in a zone, as far as they were loaded, by id."""
        return sorted((p for p in self.players.values() if p.zone == zone and p.present), key=lambda p: p.id)

    def creatures_in(self, zone: str) -> list[Creature]:
        """The creatures of a zone, as far as they were loaded, by id."""
        return sorted((c for c in self.creatures.values() if c.zone == zone), key=lambda c: c.id)

    def count_mail(self, player: str) -> None:
        """One more durable notice waits for a player: the batch's next event finds it counted."""
        self.mail_counts[player] = self.mail_counts.get(player, 0) + 1

    def put(self, things: Iterable[Thing]) -> None:
        """Add things, of any kinds."""
        for thing in things:
            self.things[type(thing)][thing.id] = thing

    def folded(self, outcome: "Outcome") -> "State":
        """Return the state as an outcome leaves it. This one stays as it is: the event may be refused yet."""
        after = copy(self)
        changed = {type(thing) for thing in (*outcome.drop, *outcome.put)}
        after.things = self.things | {kind: dict(self.things[kind]) for kind in changed}
        after._name_things()
        for thing in outcome.drop:
            after.things[type(thing)].pop(thing.id, None)
        after.put(outcome.put)
        after.mail_counts = dict(self.mail_counts)
        for player in outcome.mailed():
            after.count_mail(player)
        return after


KINDS_OF_THINGS: tuple[type[Thing], ...] = (
    Account,
    Player,
    Creature,
    Session,
    ZoneClock,
    Gateway,
    Membership,
    ChatLine,
)


class Passwords(Protocol):
    """Hashing of passwords, slow on purpose, and of tokens, which are random and need no slowness."""

    def hash(self, password: str) -> str: ...

    def verify(self, password_hash: str, password: str) -> bool: ...

    def digest(self, token: str) -> str: ...


class Reader(Protocol):
    """What may be read before the transaction begins, without locks."""

    def account(self, player: str) -> Account | None: ...

    def session_by_token(self, token_hash: str) -> Session | None: ...


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
    ``notifications``: notices, and who is told. ``events``: events born of this one. ``again``: waiting notices to be
    sent again; ``done``: ids of those that have arrived. ``follow``: what the sender's gateway has to do.
    """

    result: Result | None = None
    put: tuple[Thing, ...] = ()
    drop: tuple[Thing, ...] = ()
    notifications: tuple[Notification, ...] = ()
    events: tuple[Event, ...] = ()
    again: tuple[Waiting, ...] = ()
    done: tuple[str, ...] = ()
    follow: SessionUpdate | None = None

    def mailed(self) -> Iterable[str]:
        """Whom durable notices will wait for, once for each."""
        mails = (tell for tell in self.notifications if tell.player and tell.notice is not None and not tell.to)
        return (tell.player for tell in mails if tell.notice is not None and tell.notice.notice.durable)


Rule = Callable[[State, Any, Context], Outcome]


def actor(state: State, context: Context) -> Player:
    """The player whose event it is. Raises ``NotNow`` ``not_here`` when not in the world.

    That is so when the connection was lost while the event was under way: a resumed session sends it again.
    """
    player = state.players.get(context.player)
    if player is None or not player.present:
        raise NotNow("not_here", "You are not in the world.")
    return player


def living_actor(state: State, context: Context) -> Player:
    """The same, alive. Raises ``Rejected`` ``dead``."""
    player = actor(state, context)
    if player.dead_until_ms:
        raise Rejected("dead", "You are dead, for the moment.")
    return player


MAIL_MAX = 200


def has_room_for_mail(state: State, receiver: Player) -> bool:
    """Whether a durable notice may wait for a player: so many may at most."""
    return state.mail_counts.get(receiver.id, 0) < MAIL_MAX


def check_mailbox(state: State, receiver: Player) -> None:
    """Raises ``Rejected`` ``mailbox_full`` when there is no room."""
    if not has_room_for_mail(state, receiver):
        raise Rejected("mailbox_full", f"{receiver.name} has too many messages waiting.")


F = TypeVar("F", bound=Rule)


def rule(
    *,
    needs: Callable[[Any, Context], Needs] | None = None,
    prepare: Callable[[Any, Context, Reader, Passwords], Any] | None = None,
    repeat: Rule | None = None,
) -> Callable[[F], F]:
    """Say what a rule needs: the rows to load, and what to find out before the transaction (slow hashing, say).

    The player whose event it is is loaded always. ``repeat`` answers a transient event that comes again after it took
    effect: with the ``result``, ``notifications`` and ``follow`` of its outcome it says how things stand now, and it
    changes nothing. (A durable event is answered as it was then.)
    """

    def mark(function: F) -> F:
        function.needs = needs  # type: ignore[attr-defined]
        function.prepare = prepare  # type: ignore[attr-defined]
        function.repeat = repeat  # type: ignore[attr-defined]
        return function

    return mark
