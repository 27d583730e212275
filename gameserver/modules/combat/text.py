"""Combat in words."""

from gameserver.game import Sight, answered, command, detail, gmcp, part_in, status, styled, told
from gameserver.modules.combat.events import Attack, BeingHealth, Died, Hit, Respawned, Rewarded, Struck
from gameserver.modules.movement.events import Appeared, Being, View
from gameserver.modules.sessions.events import Entered

BEING = "being"

command("attack <target:being>", Attack, also=("kill <target:being>", "hit <target:being>"))


def _named(sight: Sight, id_: str) -> str:
    return "you" if sight.is_me(id_) else styled("name", sight.name_of(BEING, id_))


def _begins(text: str) -> str:
    return text[:1].upper() + text[1:]


@told(Struck)
def struck(notice: Struck, sight: Sight) -> str:
    """Say who struck whom; one's own blows are told by their answers."""
    if sight.is_me(notice.target):
        sight.me["hp"] = notice.hp
    if sight.is_me(notice.by):
        return ""
    text = f"{_begins(_named(sight, notice.by))} strikes {_named(sight, notice.target)} for {notice.damage}."
    return (
        styled("bad", f"{sight.name_of(BEING, notice.by)} strikes you for {notice.damage}: {notice.hp} left.")
        if (sight.is_me(notice.target))
        else text
    )


@told(Died)
def died(notice: Died, sight: Sight) -> str:
    """Say who died."""
    if sight.is_me(notice.who):
        sight.me["hp"] = 0
        return styled("bad", "You are dead. You will be back in a moment.")
    return f"{_begins(_named(sight, notice.who))} dies."


@told(Respawned)
def respawned(notice: Respawned, sight: Sight) -> str:
    """Say that the player is back."""
    sight.me |= {"x": notice.x, "y": notice.y, "hp": notice.hp}
    return styled("good", "You are alive again.")


@told(Rewarded)
def rewarded(notice: Rewarded, sight: Sight) -> str:
    """Say what was gained."""
    sight.me["xp"] = notice.total
    return styled("good", f"You gain {notice.xp} experience for slaying a {notice.slain}; you have {notice.total}.")


@answered(Attack)
def hit(data: Hit, event: Attack, sight: Sight) -> str:
    """Say what the blow did."""
    left = f"{data.hp} left" if data.hp else "it was the last blow"
    return f"You strike {_named(sight, data.target)} for {data.damage}: {left}."


@detail(BEING)
def health_of(being: Being, sight: Sight) -> str:
    """How much health somebody has."""
    health = part_in(being, BeingHealth)
    return f"with {health.hp} of {health.hp_max} health" if health else ""


@status()
def health(sight: Sight) -> str:
    """How much health is left."""
    hp, most = sight.me.get("hp"), sight.me.get("hp_max")
    if hp is None or not most:
        return ""
    return styled("good" if hp * 2 > most else "bad", f"{hp}/{most}")


@gmcp("Char.Vitals", Struck, Respawned, Appeared, View, Entered)
def char_vitals(told: Struck | Respawned | Appeared | View | Entered, sight: Sight) -> dict[str, object] | None:
    """How the player is."""
    of_another = (isinstance(told, Struck) and not sight.is_me(told.target)) or (
        isinstance(told, Appeared) and not sight.is_me(told.being.id)
    )
    return None if of_another else {"hp": sight.me.get("hp"), "maxhp": sight.me.get("hp_max")}
