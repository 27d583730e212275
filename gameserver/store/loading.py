"""Reading what rules need: hardly more than one SELECT per table and batch, rows locked in the order of their ids.

Tables are locked in a fixed order too, and all that is written later is locked here or comes after it in that order, so
that no two transactions wait for each other (on PostgreSQL; SQLite has one writer at a time anyway):

accounts, sessions, zone_clocks, players (with whereabouts), creatures, memberships; then, when it is saved, rows that
are new, in the order of ``tables.TABLES``, gateways, chat_lines; dead_letters, outbox, unread, outcomes, trials. Of a
table all rows are locked at once, in the order of their ids. The sweep and what it prunes pass over what others hold.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Select, bindparam, func, literal_column, or_, select

from gameserver.clocks import CLOCK_TOLERANCE_MS
from gameserver.errors import Retryable
from gameserver.rules.outcome import Needs, State, Waiting
from gameserver.rules.view import Body, distance, view_box
from gameserver.store.claims import Claims, Held
from gameserver.store.statements import Rows, among
from gameserver.store.tables import (
    TABLES,
    accounts,
    chat_lines,
    columns,
    creatures,
    gateways,
    joined,
    memberships,
    outbox,
    players,
    sessions,
    zone_clocks,
)
from gameserver.world.maps import World
from gameserver.world.state import Account, ChatLine, Creature, Gateway, Membership, Player, Session, Thing, ZoneClock

ONLINE_NAMES_MAX = 200
HISTORY_LINES = 50
DUE_ROWS_MAX = 500
ROLL_ROWS_MAX = 500
AROUND_LOCKED_MAX = 200  # players, and creatures as many, for each who asks: the nearest

T = TypeVar("T", Account, Player, Creature, Session, ZoneClock, Gateway, Membership, ChatLine)

# Written as a literal: a placeholder would keep the databases from using the index of those present.
_PRESENT = players.c.gateway != literal_column("''")


def _nearest(viewer: Player, bodies: Iterable[Body]) -> set[str]:
    order = sorted(bodies, key=lambda body: (distance(viewer, body), body.id))
    return {body.id for body in order[:AROUND_LOCKED_MAX]}


@cache
def _select(kind: type[Thing]) -> Select[Any]:
    """All things of a kind."""
    return select(*columns(kind)).select_from(joined(kind))


@cache
def _things_where(kind: type[T], *names: str) -> Select[Any]:
    """The things that any of these needs names, locked."""
    conditions = [_WANTED[kind][name] for name in names]
    key = columns(kind)[0]
    return _select(kind).where(or_(*conditions)).order_by(key).with_for_update(of=TABLES[kind])


@cache
def portion(kind: type[Thing]) -> Select[Any]:
    """The next things of a kind by their ids, not locked."""
    key = columns(kind)[0]
    return _select(kind).where(key > bindparam("after")).order_by(key).limit(bindparam("most"))


# What was heard in the future was heard under another clock, long ago.
_HEARD = gateways.c.seen_ms.between(bindparam("orphans_before_ms"), bindparam("now_ms") + CLOCK_TOLERANCE_MS)
_WANTED: dict[Any, dict[str, Any]] = {
    Account: {"accounts": among(accounts.c.id, "accounts")},
    Session: {
        "sessions": among(sessions.c.id, "sessions"),
        "sessions_of": among(sessions.c.player, "sessions_of"),
        "silent": (sessions.c.gateway != "") & sessions.c.gateway.not_in(select(gateways.c.id).where(_HEARD)),
        "expired": (sessions.c.expires_ms > 0) & (sessions.c.expires_ms <= bindparam("now_ms")),
    },
    ZoneClock: {"clocks": among(zone_clocks.c.id, "clocks"), "zones": among(zone_clocks.c.id, "zones")},
    Player: {
        "players": among(players.c.id, "players"),
        "zones": among(players.c.zone, "zones") & _PRESENT,
    },
    Creature: {"creatures": among(creatures.c.id, "creatures"), "zones": among(creatures.c.zone, "zones")},
    Membership: {"memberships_of": among(memberships.c.player, "memberships_of")},
}


_ORPHANS = _things_where(Session, "silent", "expired").limit(DUE_ROWS_MAX)


def _within(kind: type[Thing]) -> Any:
    place = {column.name: column for column in columns(kind)}
    inside = place["x"].between(bindparam("left"), bindparam("right"))
    return (place["zone"] == bindparam("zone")) & inside & place["y"].between(bindparam("top"), bindparam("bottom"))


_GATEWAYS = select(gateways).where(among(gateways.c.id, "gateways"))
_PLAYERS_UNLOCKED = _select(Player).where(among(players.c.id, "ids"))
_PLAYERS_AROUND = _select(Player).where(_within(Player), _PRESENT)
_CREATURES_AROUND = _select(Creature).where(_within(Creature))
_HISTORY = (
    select(chat_lines)
    .where(chat_lines.c.channel == bindparam("channel"))
    .order_by(chat_lines.c.at_ms.desc(), chat_lines.c.id.desc())
    .limit(HISTORY_LINES)
)
_WAITING = select(outbox.c.id, outbox.c.kind, outbox.c.player, outbox.c.body)
_MAIL = _WAITING.where(outbox.c.kind == "mail", among(outbox.c.player, "ids")).order_by(
    outbox.c.created_ms, outbox.c.id
)
_MAIL_COUNTS = select(outbox.c.player, func.count()).where(among(outbox.c.player, "ids")).group_by(outbox.c.player)
_DUE = _WAITING.where(outbox.c.due_ms <= bindparam("now_ms")).order_by(outbox.c.due_ms).limit(DUE_ROWS_MAX)
_HELD_COUNTS = (
    select(sessions.c.gateway, func.count()).where(among(sessions.c.gateway, "ids")).group_by(sessions.c.gateway)
)
_ROLL = (
    _select(Session)
    .where(sessions.c.gateway == bindparam("gateway"), sessions.c.conn > bindparam("after"))
    .order_by(sessions.c.conn)
    .limit(ROLL_ROWS_MAX)
)
_ONLINE_NAMES = select(players.c.name).where(_PRESENT).order_by(players.c.name).limit(ONLINE_NAMES_MAX)
_ONLINE_COUNT = select(func.count()).select_from(players).where(_PRESENT)
_BUSY_ZONES = select(players.c.zone).where(_PRESENT).distinct()
_HURT_ZONES = _BUSY_ZONES.where((players.c.hp < players.c.hp_max) | (players.c.dead_until_ms > 0))


def merge(needs: Iterable[Needs]) -> Needs:
    """What a batch needs: everything that any of its events does, each once, in order."""
    ids: defaultdict[str, set[str]] = defaultdict(set)
    others: dict[str, Any] = {}
    for need in msgspec.to_builtins(list(needs)):  # which leaves out what has its default
        for name, value in need.items():
            if isinstance(value, list | tuple):
                ids[name].update(value)
            else:
                others[name] = max(others.get(name, value), value)
    lists: dict[str, Any] = {name: tuple(sorted(wanted)) for name, wanted in ids.items()}
    return Needs(**lists, **others)


def load(rows: Rows, needs: Needs, world: World, claims: Claims) -> State:
    """The state that a batch of rules works on; what of it was locked is added to ``claims``."""
    state = State(world)
    claims.ask(needs)
    loader = _Loader(rows, state, needs, claims.held)
    loader.found(Account, "accounts")
    loader.found(Session, "sessions", "sessions_of")
    loader.orphans()
    loader.gateways()
    loader.rolls()
    loader.found(ZoneClock, "clocks", "zones")
    loader.look_ahead()
    loader.found(Player, "players", "zones")
    loader.found(Creature, "creatures", "zones")
    loader.check_look()
    loader.surroundings()
    loader.found(Membership, "memberships_of")
    loader.histories()
    loader.mail()
    loader.crowd()
    return state


Box = tuple[str, int, int, int, int]


class _Loader:
    def __init__(self, rows: Rows, state: State, needs: Needs, held: Held) -> None:
        self._rows = rows
        self._state = state
        self._needs = needs
        self._held = held
        self._looked: dict[str, Box] = {}

    def found(self, kind: type[T], *names: str) -> list[T]:
        """The things that any of these needs names, locked."""
        wanted = {name: ids for name in names if (ids := getattr(self._needs, name))}
        return self._locked(kind, _things_where(kind, *wanted), **wanted) if wanted else []

    def _locked(self, kind: type[T], query: Select[Any], **values: Any) -> list[T]:
        rows = self._rows.all(query, **values)
        self._held[kind].update({row[0]: row for row in rows})  # a thing's id comes first
        return self._make(kind, rows)

    def _things(self, kind: type[T], query: Select[Any], **values: Any) -> list[T]:
        return self._make(kind, self._rows.all(query, **values))

    def _make(self, kind: type[T], rows: Sequence[tuple[Any, ...]]) -> list[T]:
        things = {row[0]: kind(*row) for row in rows}
        self._state.things[kind].update(things)
        return list(things.values())

    def _need(self, **ids: Iterable[str]) -> None:
        """Need more than was asked for. Of each kind all is locked at once, in the order of the ids."""
        more = {name: tuple(sorted({*getattr(self._needs, name), *wanted})) for name, wanted in ids.items()}
        self._needs = msgspec.structs.replace(self._needs, **more)

    def orphans(self) -> None:
        """Sessions that nobody holds any more, and their players."""
        if self._needs.orphans_before_ms:
            times = {"orphans_before_ms": self._needs.orphans_before_ms, "now_ms": self._needs.now_ms}
            self._need(players={session.player for session in self._locked(Session, _ORPHANS, **times)})

    def look_ahead(self) -> None:
        """Find whom ``around_locked`` is about, without locks: they are locked with all others of their kind."""
        if not self._needs.around_locked:
            return
        for row in self._rows.all(_PLAYERS_UNLOCKED, ids=self._needs.around_locked):
            viewer = Player(*row)
            self._looked[viewer.id] = box = (viewer.zone, *view_box(viewer))
            within = dict(zip(("zone", "left", "top", "right", "bottom"), box, strict=True))
            near = [Player(*row) for row in self._rows.all(_PLAYERS_AROUND, **within)]
            beasts = [Creature(*row) for row in self._rows.all(_CREATURES_AROUND, **within)]
            self._need(players={viewer.id, *_nearest(viewer, near)}, creatures=_nearest(viewer, beasts))

    def check_look(self) -> None:
        """Raises ``Retryable`` ``conflict`` when a viewer was moved between the look and the lock."""
        for id_, box in self._looked.items():
            viewer = self._state.players.get(id_)
            if viewer is None or (viewer.zone, *view_box(viewer)) != box:
                raise Retryable("conflict", f"{id_} was moved while it looked around.")

    def gateways(self) -> None:
        """Read without locks: every login looks at its gateway's row, and hardly ever writes it."""
        if self._needs.gateways:
            self._things(Gateway, _GATEWAYS, gateways=self._needs.gateways)

    def rolls(self) -> None:
        """Who plays through gateways, read without locks: what is done about it is done one by one."""
        if self._needs.held_by:
            self._state.held_counts.update(self._rows.all(_HELD_COUNTS, ids=self._needs.held_by))
        for gateway in self._needs.rolls:
            found = self._rows.all(_ROLL, gateway=gateway, after=self._needs.roll_after)
            self._state.rolls[gateway] = tuple(Session(*row) for row in found)

    def surroundings(self) -> None:
        """All that the viewers see, read without locks: who looks changes nothing.

        Those present are found by their zone, and so a zone is looked through once, for all its viewers.
        """
        boxes: defaultdict[str, list[tuple[int, int, int, int]]] = defaultdict(list)
        for id_ in self._needs.around:
            if viewer := self._state.players.get(id_):
                boxes[viewer.zone].append(view_box(viewer))
        for zone, seen in boxes.items():
            left, top, right, bottom = zip(*seen, strict=True)
            box = {"zone": zone, "left": min(left), "top": min(top), "right": max(right), "bottom": max(bottom)}
            self._things(Player, _PLAYERS_AROUND, **box)
            self._things(Creature, _CREATURES_AROUND, **box)

    def histories(self) -> None:
        for channel in self._needs.histories:
            newest = self._rows.all(_HISTORY, channel=channel)
            self._state.histories[channel] = tuple(ChatLine(*row) for row in reversed(newest))

    def mail(self) -> None:
        if self._needs.mail:
            waiting = [Waiting(*row) for row in self._rows.all(_MAIL, ids=self._needs.mail)]
            self._state.mail = {id_: tuple(row for row in waiting if row.player == id_) for id_ in self._needs.mail}
        if self._needs.mail_counts:
            self._state.mail_counts.update(self._rows.all(_MAIL_COUNTS, ids=self._needs.mail_counts))
        if self._needs.orphans_before_ms:
            self._state.due = self._due()

    def _due(self) -> tuple[Waiting, ...]:
        """Outbox rows that nobody has dealt with in time. The mail of those who are absent is laid aside."""
        due = [Waiting(*row) for row in self._rows.all(_DUE, now_ms=self._needs.now_ms)]
        receivers = sorted({row.player for row in due if row.player})
        if receivers:
            self._things(Player, _PLAYERS_UNLOCKED, ids=receivers)
        here = {player.id for player in self._state.players.values() if player.present}
        self._state.laid_aside = tuple(row.id for row in due if row.kind == "mail" and row.player not in here)
        return tuple(row for row in due if row.kind != "mail" or row.player in here)

    def crowd(self) -> None:
        if self._needs.online:
            (count,) = self._rows.column(_ONLINE_COUNT)
            self._state.online = (tuple(self._rows.column(_ONLINE_NAMES)), count)
        if self._needs.busy_zones:
            self._state.busy_zones = frozenset(self._rows.column(_BUSY_ZONES))
            self._state.hurt_zones = frozenset(self._rows.column(_HURT_ZONES))
