"""Reading what rules need: at most one SELECT per table and batch, rows locked in the order of their ids.

Tables are locked in a fixed order too, so that no two transactions wait for each other (on PostgreSQL; SQLite has one
writer at a time anyway).
"""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, Select, Table, func, or_, select

from gameserver.rules.outcome import Needs, State, Waiting
from gameserver.rules.view import view_box
from gameserver.store.tables import (
    TABLES,
    accounts,
    chat_lines,
    creatures,
    gateways,
    marks,
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

T = TypeVar("T", Account, Player, Creature, Session, ZoneClock, Gateway, Membership, ChatLine)


def merge(needs: Iterable[Needs]) -> Needs:
    """What a batch needs: everything that any of its events does, each once, in order."""
    gathered: dict[str, Any] = {}
    for need in needs:
        for name in need.__struct_fields__:
            gathered[name] = _joined(gathered.get(name), getattr(need, name))
    merged: dict[str, Any] = {n: tuple(sorted(v)) if isinstance(v, set) else v for n, v in gathered.items()}
    return Needs(**merged)


def _joined(old: Any, new: Any) -> Any:
    if isinstance(new, tuple):
        return (old or set()) | set(new)
    return max(old or 0, new) if not isinstance(new, bool) else bool(old) or new


def load(connection: Connection, needs: Needs, world: World) -> State:
    """The state that a batch of rules works on."""
    state = State(world)
    loader = _Loader(connection, state)
    loader.accounts(needs)
    loader.sessions(needs)
    loader.gateways(needs)
    loader.clocks(needs)
    loader.players(needs)
    loader.creatures(needs)
    loader.surroundings(needs)
    loader.chat(needs)
    loader.mail(needs)
    loader.crowd(needs)
    return state


class _Loader:
    def __init__(self, connection: Connection, state: State) -> None:
        self._connection = connection
        self._state = state

    def _things(self, kind: type[T], query: Select[Any], *, lock: bool = True) -> list[T]:
        if lock:
            table = TABLES[kind]
            query = query.order_by(table.c.id).with_for_update(of=table)
        found = [to_thing(kind, row) for row in self._connection.execute(query)]
        self._state.put(found)
        return found

    def accounts(self, needs: Needs) -> None:
        if needs.accounts:
            self._things(Account, select(accounts).where(accounts.c.id.in_(needs.accounts)))

    def sessions(self, needs: Needs) -> None:
        found: list[Session] = []
        if needs.sessions:
            found += self._things(Session, select(sessions).where(sessions.c.id.in_(needs.sessions)))
        if needs.sessions_of:
            found += self._things(Session, select(sessions).where(sessions.c.player.in_(needs.sessions_of)))
        if found:
            self._applied([session.id for session in found])
        if needs.orphans_before_ms:
            self._orphans(needs)

    def _applied(self, ids: list[str]) -> None:
        """The highest number that each of the sessions had applied.

        Who may end a session locks its marks before any player, as its events do, or the two would wait for each other.
        """
        query = select(marks.c.session, marks.c.seq).where(marks.c.session.in_(ids))
        for session, seq in self._connection.execute(query.order_by(marks.c.id).with_for_update()):
            self._state.applied[session] = max(seq, self._state.applied.get(session, 0))

    def _orphans(self, needs: Needs) -> None:
        seen = select(gateways.c.id).where(gateways.c.seen_ms >= needs.orphans_before_ms)
        silent = (sessions.c.gateway != "") & sessions.c.gateway.not_in(seen)
        expired = (sessions.c.expires_ms > 0) & (sessions.c.expires_ms <= needs.now_ms)
        found = self._things(Session, select(sessions).where(or_(silent, expired)).limit(DUE_ROWS_MAX))
        self._applied([session.id for session in found])
        ids = [session.player for session in found]
        self._things(Player, select(players).where(players.c.id.in_(ids)))

    def gateways(self, needs: Needs) -> None:
        """Read without locks: every login looks at its gateway's row, and hardly ever writes it."""
        if needs.gateways:
            self._things(Gateway, select(gateways).where(gateways.c.id.in_(needs.gateways)), lock=False)

    def clocks(self, needs: Needs) -> None:
        ids = (*needs.clocks, *needs.zones)
        if ids:
            self._things(ZoneClock, select(zone_clocks).where(zone_clocks.c.id.in_(ids)))

    def players(self, needs: Needs) -> None:
        wanted: list[Any] = []
        if needs.players:
            wanted.append(players.c.id.in_(needs.players))
        if needs.zones:
            wanted.append(players.c.zone.in_(needs.zones) & (players.c.gateway != ""))
        if wanted:
            self._things(Player, select(players).where(or_(*wanted)))

    def creatures(self, needs: Needs) -> None:
        wanted: list[Any] = []
        if needs.creatures:
            wanted.append(creatures.c.id.in_(needs.creatures))
        if needs.zones:
            wanted.append(creatures.c.zone.in_(needs.zones))
        if wanted:
            self._things(Creature, select(creatures).where(or_(*wanted)))

    def surroundings(self, needs: Needs) -> None:
        """All that the viewers see, read without locks: who looks changes nothing."""
        viewers = [self._state.players[id_] for id_ in needs.around if id_ in self._state.players]
        for zone, box in {(viewer.zone, view_box(viewer)) for viewer in viewers}:
            present = players.c.gateway != ""
            self._things(Player, select(players).where(_within(players, zone, box), present), lock=False)
            self._things(Creature, select(creatures).where(_within(creatures, zone, box)), lock=False)

    def chat(self, needs: Needs) -> None:
        if needs.memberships_of:
            self._things(Membership, select(memberships).where(memberships.c.player.in_(needs.memberships_of)))
        for channel in needs.histories:
            self._state.histories[channel] = self._history(channel)

    def _history(self, channel: str) -> tuple[ChatLine, ...]:
        lines = select(chat_lines).where(chat_lines.c.channel == channel)
        newest = lines.order_by(chat_lines.c.at_ms.desc(), chat_lines.c.id.desc()).limit(HISTORY_LINES)
        return tuple(to_thing(ChatLine, row) for row in self._connection.execute(newest))[::-1]

    def mail(self, needs: Needs) -> None:
        if needs.mail:
            self._mail(needs.mail)
        if needs.mail_counts:
            self._mail_counts(needs.mail_counts)
        if needs.orphans_before_ms:
            self._state.due = self._due(needs.now_ms)

    def _mail(self, ids: Sequence[str]) -> None:
        query = _waiting().where(outbox.c.kind == "mail", outbox.c.player.in_(ids))
        rows = [Waiting(*row) for row in self._connection.execute(query.order_by(outbox.c.created_ms, outbox.c.id))]
        self._state.mail = {id_: tuple(row for row in rows if row.player == id_) for id_ in ids}

    def _mail_counts(self, ids: Sequence[str]) -> None:
        query = select(outbox.c.player, func.count()).where(outbox.c.player.in_(ids)).group_by(outbox.c.player)
        self._state.mail_counts.update((player, count) for player, count in self._connection.execute(query))

    def _due(self, now_ms: int) -> tuple[Waiting, ...]:
        """Outbox rows that nobody has dealt with in time; mail only for those who are there to be told."""
        here = select(players.c.id).where(players.c.gateway != "")
        wanted = (outbox.c.due_ms <= now_ms) & or_(outbox.c.kind != "mail", outbox.c.player.in_(here))
        query = _waiting().where(wanted).order_by(outbox.c.due_ms).limit(DUE_ROWS_MAX)
        due = tuple(Waiting(*row) for row in self._connection.execute(query))
        receivers = [row.player for row in due if row.player]
        if receivers:
            self._things(Player, select(players).where(players.c.id.in_(receivers)), lock=False)
        return due

    def crowd(self, needs: Needs) -> None:
        present = players.c.gateway != ""
        if needs.online:
            names = self._connection.scalars(
                select(players.c.name).where(present).order_by(players.c.name).limit(ONLINE_NAMES_MAX)
            )
            count = self._connection.scalar(select(func.count()).select_from(players).where(present))
            self._state.online = (tuple(names), count or 0)
        if needs.busy_zones:
            self._state.busy_zones = frozenset(
                self._connection.scalars(select(players.c.zone).where(present).distinct())
            )


def _waiting() -> Select[Any]:
    return select(outbox.c.id, outbox.c.kind, outbox.c.player, outbox.c.body)


def _within(table: Table, zone: str, box: tuple[int, int, int, int]) -> Any:
    left, top, right, bottom = box
    return (table.c.zone == zone) & table.c.x.between(left, right) & table.c.y.between(top, bottom)


def to_thing(kind: type[T], row: Any) -> T:
    """A row as the value it stands for: columns stand in the order of the fields."""
    return kind(**dict(zip(kind.__struct_fields__, row, strict=True)))


def to_row(thing: Thing) -> dict[str, Any]:
    """A value as the row that it becomes."""
    return msgspec.structs.asdict(thing)
