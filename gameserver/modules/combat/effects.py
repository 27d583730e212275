"""What acts on a body for a while: poison, healing. The kinds stand in the game's data file "effects".

An effect pulses a number of times, one after the other. It keeps how many pulses are left, so that ticks that come
late, twice or not at all change when it acts, and never how much.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated, NamedTuple

import msgspec
from msgspec.structs import replace

from gameserver.game import Record, awaited, records
from gameserver.modules.combat.elements import faults_of

EFFECTS_MAX = 4  # that act on a body at once
PERMILLE = 1_000


class EffectKind(Record, frozen=True, kw_only=True):
    """A kind of effect: ``pulses`` times, ``every_ms``, it does ``harm`` (of an ``element``) or ``heals``."""

    title: Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
    element: str = ""
    harm: Annotated[int, msgspec.Meta(ge=0, le=100)] = 0
    heals: Annotated[int, msgspec.Meta(ge=0, le=100)] = 0
    every_ms: Annotated[int, msgspec.Meta(ge=500, le=60_000)]
    pulses: Annotated[int, msgspec.Meta(ge=1, le=60)]

    def problem(self) -> str:
        """What contradicts itself."""
        faults = {
            **faults_of(self.element, {}),
            "harm: an effect does harm, or heals": bool(self.harm) == bool(self.heals),
        }
        return next((sentence for sentence, true in faults.items() if true), "")


EFFECTS: dict[str, EffectKind] = records("effects", EffectKind)


class Effect(msgspec.Struct, frozen=True, array_like=True):
    """An effect that acts on a body. ``left``: pulses; ``due_ms``: when the next one is; ``by``: whose doing it is."""

    kind: str
    left: int
    due_ms: int
    by: str = ""


class Pulse(NamedTuple):
    """What an effect does to its body now."""

    kind: EffectKind
    by: str


@lru_cache(maxsize=256)
def effects_in(text: str) -> tuple[Effect, ...]:
    """Read a body's effects from the field in which they are kept."""
    return msgspec.json.decode(text, type=tuple[Effect, ...]) if text else ()


def written(effects: Sequence[Effect]) -> str:
    """Write effects into the field in which they are kept."""
    return msgspec.json.encode(effects).decode() if effects else ""


def afflicted(text: str, kind: str, by: str, now_ms: int) -> str:
    """Let an effect act on a body: anew where it acts already, and not where there are too many, or is no such kind."""
    others = [effect for effect in effects_in(text) if effect.kind != kind]
    known = EFFECTS.get(kind)
    if known is None or len(others) >= EFFECTS_MAX:
        return text
    return written([*others, Effect(kind, known.pulses, now_ms + known.every_ms, by)])


def cured(text: str, element: str) -> str:
    """End the effects of an element."""
    return written([e for e in effects_in(text) if e.kind not in EFFECTS or EFFECTS[e.kind].element != element])


def pulsed(text: str, now_ms: int) -> tuple[str, list[Pulse]]:
    """Let each effect that is due pulse once. Give what is kept of them then, and the pulses."""
    kept: list[Effect] = []
    pulses: list[Pulse] = []
    for effect in effects_in(text):
        kind = EFFECTS.get(effect.kind)
        if kind is None:
            continue  # of a kind that is gone nothing is left
        if awaited(effect.due_ms, now_ms, kind.every_ms):
            kept.append(effect)
            continue
        pulses.append(Pulse(kind, effect.by))
        if effect.left > 1:
            kept.append(replace(effect, left=effect.left - 1, due_ms=now_ms + kind.every_ms))
    return written(kept), pulses
