"""What the bundled game's rules select, by short names: for tests that need much of it."""

from typing import Any

from gameserver.declare.entity import Entity
from gameserver.modules.chat.entities import Membership
from gameserver.modules.chat.rules import ONLINE_COUNT, ONLINE_NAMES, history
from gameserver.modules.combat.entities import Creature, Duel, Health, Strength
from gameserver.modules.combat.hooks import HURT_ZONES
from gameserver.modules.creatures.hooks import BUSY_ZONES
from gameserver.modules.movement.bodies import around, around_locked, bodies_in
from gameserver.modules.movement.entities import Body
from gameserver.modules.sessions.entities import Account, Gateway, Player, Session
from gameserver.modules.sessions.rules import ROLL_ROWS_MAX, lapsed_sessions
from gameserver.modules.trade.entities import Purse
from gameserver.modules.world.entities import ZoneClock
from gameserver.rules.needs import Needs, count, due, ids, mail, mail_count, portion, where

BY_ID: dict[str, tuple[type[Entity], ...]] = {
    "accounts": (Account,),
    "players": (Player, Body, Health, Strength, Duel),
    "purses": (Purse,),
    "creatures": (Creature,),
    "sessions": (Session,),
    "clocks": (ZoneClock,),
    "gateways": (Gateway,),
}
EACH: dict[str, Any] = {
    "sessions_of": lambda player: [where(Session, player=player)],
    "memberships_of": lambda player: [where(Membership, player=player)],
    "zones": lambda zone: [ids(ZoneClock, zone), bodies_in(zone), where(Creature, zone=zone)],
    "around": lambda player: [around(player)],
    "around_locked": lambda player: [around_locked(player)],
    "histories": lambda channel: [history(channel)],
    "mail": lambda player: [mail(player)],
    "mail_counts": lambda player: [mail_count(player)],
    "held_by": lambda gateway: [count(Session, gateway=gateway)],
}


def selected(
    *,
    online: bool = False,
    busy_zones: bool = False,
    orphans_before_ms: int = 0,
    now_ms: int = 0,
    rolls: tuple[str, ...] = (),
    roll_after: str = "",
    **of: tuple[str, ...],
) -> Needs:
    """The selections: ``players=("ada",)``, ``zones=("meadow",)`` and so on."""
    found: list[Any] = [ids(kind, *wanted) for name, wanted in of.items() for kind in BY_ID.get(name, ())]
    found += [need for name, each in of.items() if name not in BY_ID for one in each for need in EACH[name](one)]
    found += [ONLINE_NAMES, ONLINE_COUNT] if online else []
    found += [BUSY_ZONES, HURT_ZONES] if busy_zones else []
    found += [lapsed_sessions(orphans_before_ms, now_ms), due(now_ms)] if orphans_before_ms else []
    found += [roll(gateway, roll_after) for gateway in rolls]
    return tuple(found)


def roll(gateway: str, after: str = "") -> Any:
    """A portion of the sessions that a gateway holds."""
    return portion(Session, ROLL_ROWS_MAX, "conn", after, gateway=gateway)
