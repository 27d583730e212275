"""Creatures in words. ``sight.things`` has those of the player as ``companion``."""

from gameserver.game import Sight, answered, command, styled, told
from gameserver.modules.creatures.events import (
    Companion,
    Companions,
    Order,
    Ordered,
    Pets,
    Release,
    Roared,
    Tame,
    Tamed,
)

BEING, COMPANION = "being", "companion"

command("tame <target:being>", Tame)
command("order <creature:companion> to <what>", Order)
command("release <creature:companion>", Release)
command("pets", Pets, also=("companions",))


def _keep(sight: Sight, companions: list[Companion]) -> None:
    sight.things[COMPANION] = {one.id: one for one in companions}


def _told(one: Companion) -> str:
    how = "dead, for the moment" if one.dead else f"{one.hp} of {one.hp_max} health"
    return f"{styled('name', one.title)} ({how}; told to {one.does})"


@answered(Tame)
def tamed(data: Tamed, event: Tame, sight: Sight) -> str:
    """Say whether it worked."""
    _keep(sight, data.companions)
    if not data.done:
        return styled("bad", f"{sight.name_of(BEING, event.target)} will not be tamed, and is angry.")
    return f"{styled('good', 'It is yours, and follows you.')} {_all(data)}"


@answered(Order)
def ordered(data: Ordered, event: Order, sight: Sight) -> str:
    """Say what it does."""
    sight.things[COMPANION][data.companion.id] = data.companion
    follows = "follows you" if data.companion.does == "follow" else "stays, and guards the place"
    return f"{styled('name', data.companion.title)} {follows}."


@answered(Release)
def released(data: Companions, event: Release, sight: Sight) -> str:
    """Say which are left."""
    _keep(sight, data.companions)
    return f"You let it go. {_all(data)}"


@answered(Pets)
def pets(data: Companions, event: Pets, sight: Sight) -> str:
    """Say which there are."""
    _keep(sight, data.companions)
    return _all(data)


def _all(data: Companions | Tamed) -> str:
    told_ = ", ".join(_told(one) for one in data.companions)
    return f"Yours: {told_}." if told_ else "You have no companion."


@told(Roared)
def roared(notice: Roared, sight: Sight) -> str:
    """Say what is heard."""
    return f'{styled("name", sight.name_of(BEING, notice.who))} roars: "{styled("speech", notice.text)}"'
