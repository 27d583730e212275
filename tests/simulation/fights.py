"""Players who fight, tame creatures and challenge each other, and what must be true of what fights make and cost.

What a rule has done is compared with what it was given (``witnessed``), and with who has struck whom
(``FightAccounts``).
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from random import Random
from typing import Any

import msgspec

from gameserver.declare.entity import Entity
from gameserver.maps.objects import Placed, template_of
from gameserver.modules.combat.creature_kinds import KINDS
from gameserver.modules.combat.duels import DUEL_MS
from gameserver.modules.combat.effects import EFFECTS, Effect, effects_in
from gameserver.modules.combat.entities import Creature, Duel, Health, Strength
from gameserver.modules.combat.events import Felt, Hit, Reward, Slain, Struck, Swept
from gameserver.modules.combat.levels import LEVELS, level_of
from gameserver.modules.creatures.companions import companion_ids
from gameserver.modules.creatures.maps import Lair
from gameserver.modules.instances.entities import ENDED, Instance
from gameserver.modules.items.entities import Item
from gameserver.modules.movement.entities import Body
from gameserver.modules.movement.view import distance
from gameserver.modules.sessions.entities import Player
from gameserver.rules.outcome import Context, Outcome, State
from gameserver.testing.effect_log import Entry

# Where they begin, and with how much health: some weak enough to be tamed, and some that kill whoever stands there.
DENS = (
    ("rat", 3, 3, 4),
    ("rat", 4, 5, 4),
    ("rat", 5, 5, 4),
    ("wolf", 6, 3, 12),
    ("viper", 3, 5, 30),
    ("spider", 5, 3, 25),
    ("viper", 4, 6, 30),
)
IDS = tuple(f"field.{kind}.{n}" for n, (kind, *_) in enumerate(DENS, 50))
OBJECTS = tuple(Placed(id_, x, y, Lair(kind)) for id_, (kind, x, y, _) in zip(IDS, DENS, strict=True))
WEAPONS = ("war_axe", "venom_dagger")
ODDS = 0.9  # how likely one who fights does, of all that a player does
PATIENCE = 0.8  # how likely one waits for what cannot be done yet
# What their rules say no with.
CODES = frozenset(
    {
        "in_a_duel",
        "no_challenge",
        "no_duel",
        "no_such_player",
        "no_sweep",
        "not_alive",
        "not_challenged",
        "not_tameable",
        "not_yours",
        "offline",
        "safe_zone",
        "too_many_companions",
        "too_strong",
        "your_own",
    }
)


def furnish(names: list[str], zone: str) -> list[Entity]:
    """What is there when the story begins."""
    creatures = [
        Creature(id=id_, kind=kind, zone=zone, x=x, y=y, hp=hp) for id_, (kind, x, y, hp) in zip(IDS, DENS, strict=True)
    ]
    weapons = [Item(id=f"{name}'s {kind}", kind=kind, holder=name) for name in names for kind in WEAPONS]
    return [*creatures, *weapons]


class Warrior:
    """Chooses what a player does next, of what ``store`` holds."""

    def __init__(self, rng: Random, store: Any, name: str, others: list[str]) -> None:
        self._rng = rng
        self._store = store
        self._name = name
        self._others = others
        self._deeds: list[Callable[[], dict[str, Any]]] = [
            *(self._attack,) * 8,
            *(lambda: {"type": "cleave"},) * 2,
            *(lambda: {"type": "tame", "target": self._one(self._weak() or self._near())},) * 5,
            lambda: {"type": "order", "creature": self._mine(), "what": self._rng.choice(("follow", "guard"))},
            *(lambda: {"type": "release", "creature": self._mine()},) * 2,
            lambda: {"type": "pets"},
            *(lambda: {"type": "challenge", "to": self._other()},) * 2,
            *(self._accept,) * 3,
            lambda: {"type": "declineduel", "to": self._other()},
            lambda: {"type": "forfeit"},
            *(lambda: {"type": "equip", "thing": f"{self._name}'s {self._rng.choice(WEAPONS)}"},) * 2,
            lambda: {"type": "score"},
        ]

    def choose(self, now_ms: int) -> tuple[Any, dict[str, Any]]:
        """The next event and its fields; none while one waits."""
        fields = self._rng.choice(self._deeds)()
        event = fields.pop("type")
        if self._must_wait(event, now_ms) and self._rng.random() < PATIENCE:
            return None, {}
        return event, fields

    def _must_wait(self, event: str, now_ms: int) -> bool:
        health, strength = self._part(Health), self._part(Strength)
        tired = event in ("attack", "cleave") and strength is not None and strength.attack_due_ms > now_ms
        return tired or (health is not None and health.dead_until_ms > 0)

    def _part(self, kind: type[Entity]) -> Any:
        return self._store.things[kind].get(self._name)

    def _other(self) -> str:
        return self._rng.choice(self._others)

    def _one(self, ids: list[str]) -> str:
        return self._rng.choice(ids) if ids else "nothing"

    def _near(self) -> list[str]:
        body, creatures = self._part(Body), self._store.things[Creature].values()
        there = [one for one in creatures if body and one.zone == body.zone and not one.dead]
        return sorted(one.id for one in there if distance(body, one) <= 1 and one.owner != self._name)

    def _weak(self) -> list[str]:
        creatures = self._store.things[Creature]
        found = [creatures[id_] for id_ in self._near()]
        return [one.id for one in found if KINDS[one.kind].tameable and one.hp * 5 <= KINDS[one.kind].hp_max * 2]

    def _mine(self) -> str:
        ids = [id_ for id_ in companion_ids(self._name) if id_ in self._store.things[Creature]]
        return self._one(ids or [companion_ids(self._other())[0]])

    def _attack(self) -> dict[str, Any]:
        """As a rule, whom one fights a duel with, or what is near."""
        duel = self._part(Duel)
        if duel and duel.duel_zone and self._rng.random() < PATIENCE:
            return {"type": "attack", "target": duel.rival}
        near = [*self._near(), self._other()]
        return {"type": "attack", "target": self._one(near)}

    def _accept(self) -> dict[str, Any]:
        asked = sorted(duel.id for duel in self._store.things[Duel].values() if duel.rival == self._name)
        return {"type": "acceptduel", "to": self._one(asked or self._others)}


class Witnessed(msgspec.Struct, frozen=True):
    """What an event has done in fights. ``faults``: what it should not have, as far as it can be seen by itself.

    ``blows``: whom who has struck, and what health was left; ``rewards``: who is to gain how much, for which kind;
    ``slain``: how many of each kind died. ``whole``: whether all experience of these is to be paid.
    """

    faults: tuple[str, ...]
    blows: tuple[tuple[str, str, int], ...] = ()
    rewards: tuple[tuple[str, str, int], ...] = ()
    slain: Mapping[str, int] = {}
    whole: bool = False


def witnessed(name: str, state: State, event: Any, context: Context, outcome: Outcome) -> Witnessed | None:
    """Look at what an event is about to do; None where it is no fight."""
    check = CHECKS.get(name)
    faults = [*(check(state, event, context, outcome) if check else ()), *_effects(state, context, outcome)]
    faults += [*_deaths(state, outcome), *_tamed(name, state, outcome)]
    struck = [told.notice for told in outcome.notifications if isinstance(told.notice, Struck)]
    slain = Counter(born.kind for born in outcome.events if isinstance(born, Slain))
    rewards = [(born.player, born.slain, born.xp) for born in outcome.events if isinstance(born, Reward)]
    if not (faults or struck or slain or rewards):
        return None
    return Witnessed(
        faults=tuple(f"{context.id} {name}: {fault}" for fault in faults),
        blows=tuple((blow.by, blow.target, blow.hp) for blow in struck),
        rewards=tuple(rewards),
        slain=slain,
        whole=name in ("attack", "cleave"),
    )


def _put(outcome: Outcome, kind: type[Entity]) -> dict[str, Any]:
    return {thing.id: thing for thing in outcome.put if isinstance(thing, kind)}


def _tamed(name: str, state: State, outcome: Outcome) -> Iterator[str]:
    """Whoever becomes a player's was somebody wild, who is gone for it; and nobody else's companion comes or goes."""
    put = _put(outcome, Creature)
    before = {id_: state.get(Creature, id_) for id_ in put}
    new = Counter(one.kind for id_, one in put.items() if one.owner and before[id_] is None)
    gone = Counter(
        one.kind for id_, one in put.items() if one.dead and (was := before[id_]) and not (was.dead or was.owner)
    )
    if new and (name != "tame" or new != gone):
        yield f"{dict(new)} became companions, and {dict(gone)} were wild before"


def _deaths(state: State, outcome: Outcome) -> Iterator[str]:
    """Who dies falls."""
    fallen = {getattr(born, "player", "") for born in outcome.events if born.spec.name == "fall"}
    for id_, health in _put(outcome, Health).items():
        before = state.get(Health, id_)
        if before and health.dead_until_ms and not before.dead_until_ms and id_ not in fallen:
            yield f"{id_} died, and it costs nothing"


def _fall(state: State, event: Any, context: Context, outcome: Outcome) -> Iterator[str]:
    """Death costs a tenth of what was gained since the level began, and never the level."""
    before = state.get(Strength, event.player)
    if before is None:
        return
    xp = before.xp
    left = _put(outcome, Strength).get(event.player, before).xp
    begun = LEVELS[level_of(xp) - 1]
    if left < begun:
        yield f"death left {left} of {xp} to {event.player}, whose level began with {begun}"
    if xp - left != (xp - begun) // 10:
        yield f"death cost {event.player} {xp - left} of {xp}"


def _reward(state: State, event: Any, context: Context, outcome: Outcome) -> Iterator[str]:
    """A reward is what it says."""
    before = state.get(Strength, event.player)
    if before is not None and (gained := _put(outcome, Strength).get(event.player, before).xp - before.xp) != event.xp:
        yield f"a reward of {event.xp} paid {gained}"


def _attack(state: State, event: Any, context: Context, outcome: Outcome) -> Iterator[str]:
    """Nobody dies by a rival's blow, nor is anything left by it."""
    ours, theirs = state.get(Duel, context.player), state.get(Duel, event.target)
    struck = _put(outcome, Health).get(event.target)
    if not (ours and theirs and struck and ours.rival == theirs.id and theirs.rival == ours.id):
        return
    if not ours.duel_zone or ours.duel_zone != theirs.duel_zone:
        return
    is_over = struck.hit_ms >= min(ours.rival_until_ms, theirs.rival_until_ms)
    if struck.hp < 1 and not is_over:
        yield f"{event.target} died in a duel"


def _accept_duel(state: State, event: Any, context: Context, outcome: Outcome) -> Iterator[str]:
    """Who fights a duel has said so."""
    put = _put(outcome, Duel)
    asked = {id_: state.of(Duel)[id_].rival for id_ in put}
    if put and not any(asked[duel.rival] == duel.id for duel in put.values()):
        yield f"{sorted(put)} fight, and none has challenged the other"


def _cleave(state: State, event: Any, context: Context, outcome: Outcome) -> Iterator[str]:
    """A wide blow strikes each creature once."""
    if isinstance(outcome.result, Swept):
        times = Counter(hit.target for hit in outcome.result.hits if isinstance(hit, Hit))
        yield from (f"a wide blow struck {id_} {n} times" for id_, n in times.items() if n > 1)


CHECKS: dict[str, Callable[[State, Any, Context, Outcome], Iterable[str]]] = {
    "fall": _fall,
    "reward": _reward,
    "attack": _attack,
    "acceptduel": _accept_duel,
    "cleave": _cleave,
}


def _effects(state: State, context: Context, outcome: Outcome) -> Iterator[str]:
    """Each pulse is one less that is left, and none comes before its time."""
    felt = Counter((told.player, told.notice.kind) for told in outcome.notifications if isinstance(told.notice, Felt))
    for kind in (Strength, Creature):
        for id_, thing in _put(outcome, kind).items():
            before, after = _acting(state.get(kind, id_)), _acting(thing)
            for name, effect in before.items():
                yield from _pulses(id_, effect, after.get(name), felt.pop((id_, name), 0), context.now_ms)
    yield from (f"{name} of {id_} pulsed {n} times, and all are left" for (id_, name), n in felt.items())


def _acting(thing: Any) -> dict[str, Effect]:
    return {effect.kind: effect for effect in effects_in(thing.effects)} if thing else {}


def _pulses(id_: str, before: Effect, after: Effect | None, felt: int, now_ms: int) -> Iterator[str]:
    """``after``: None where it is over, be it by death or a remedy."""
    kind = EFFECTS[before.kind]
    if felt > 1:
        yield f"{kind.name} of {id_} pulsed {felt} times at once"
    if after is None or (after.left == kind.pulses and after.due_ms == now_ms + kind.every_ms):
        return  # nothing is left of it, or it was inflicted anew
    if felt and after.left >= before.left:
        yield f"{kind.name} of {id_} pulsed, and as many pulses are left"
    if after.left < before.left and now_ms < before.due_ms <= now_ms + kind.every_ms:
        yield f"{kind.name} of {id_} pulsed {before.due_ms - now_ms} ms before its time"


class FightAccounts:
    """Who has struck which creature since it last died, from what was committed. ``faults``: what should not be."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self._struck: dict[str, set[str]] = defaultdict(set)

    def add(self, events: Iterable[Witnessed]) -> None:
        """A transaction was committed."""
        for event in events:
            self.faults += event.faults
            self.faults += self._shares(event, self._blows(event))

    def _blows(self, event: Witnessed) -> tuple[set[str], int]:
        """Who has part in what died of these blows, and how many creatures somebody had part in."""
        parts: set[str] = set()
        died = 0
        for by, target, hp in event.blows:
            self._struck[target].add(by.partition(".companion.")[0])
            if not hp:
                mine = self._struck.pop(target)
                parts |= mine
                died += ".companion." not in target and "." in target
        return parts, died

    def _shares(self, event: Witnessed, of: tuple[set[str], int]) -> Iterator[str]:
        """What is paid for a death is what its kind is worth, to those who took part."""
        parts, died = of
        paid: Counter[str] = Counter()
        for player, kind, xp in event.rewards:
            paid[kind] += xp
            if player not in parts:
                yield f"{player} is paid for slaying {kind}, and took no part"
        for kind, xp in paid.items():
            whole = KINDS[kind].xp
            if xp > event.slain[kind] * whole or xp % whole:
                yield f"{xp} is paid for slaying {event.slain[kind]} {kind}, of which each is worth {whole}"
        due = sum(n * KINDS[kind].xp for kind, n in event.slain.items())
        if event.whole and (sum(paid.values()) != due or died != sum(event.slain.values())):
            yield f"{sum(paid.values())} is paid for {dict(event.slain)}, and {due} is due"


RATES: dict[str, frozenset[tuple[tuple[str, int], ...]]] = {
    "creatures.tame": frozenset({(), (("companions", 1),)}),
    "creatures.release": frozenset({(("companions", -1),)}),
}


def misled(entries: Iterable[Entry]) -> Iterator[str]:
    """Find companions that came or went otherwise than one by one."""
    for entry in entries:
        rates = RATES.get(entry.task)
        changed = tuple((name, n) for name, _, n in entry.changes)
        if rates is not None and changed not in rates:
            yield f"{entry.id}: {entry.task} changed {changed} of companions"


def unsettled(things: Mapping[type[Entity], Mapping[str, Any]], now_ms: int) -> Iterator[str]:
    """Find duels that have lost one of both, their zone or their time, and companions that miss who is there."""
    players, duels = things[Player], things[Duel]
    for creature in things[Creature].values():
        if creature.owner in players and players[creature.owner].present and not creature.zone:
            yield f"{creature.id} waits for {creature.owner}, who is there"
    for duel in duels.values():
        other = duels.get(duel.rival)
        if duel.duel_zone and (other is None or other.rival != duel.id or not other.duel_zone):
            yield f"{duel.id} fights {duel.rival}, who does not fight"
        elif duel.duel_zone and not now_ms < duel.rival_until_ms <= now_ms + DUEL_MS:
            yield f"{duel.id} fights for longer than anybody may"
        elif template_of(duel.duel_zone) and _has_ended(things[Instance].get(duel.duel_zone)):
            yield f"{duel.id} fights in {duel.duel_zone}, which has ended"


def _has_ended(instance: Instance | None) -> bool:
    return instance is None or instance.closing == ENDED


def overrun(things: Mapping[type[Entity], Mapping[str, Any]]) -> Iterator[str]:
    """Find companions of nobody, and such as bear a name of another's."""
    for creature in things[Creature].values():
        if creature.owner and creature.id not in companion_ids(creature.owner):
            yield f"{creature.id} is the companion of {creature.owner}, who can't know of it"
        if creature.owner and creature.owner not in things[Player]:
            yield f"{creature.id} belongs to {creature.owner}, who is nobody"
