"""Combat in words."""

from gameserver.game import Sight, answered, command, detail, gmcp, part_in, status, styled, told
from gameserver.modules.combat.events import (
    AcceptDuel,
    Afflicted,
    Attack,
    BeingHealth,
    Challenge,
    Challenged,
    Cleave,
    Condition,
    DeclineDuel,
    Died,
    DuelBegan,
    DuelEnded,
    Fallen,
    Felt,
    Forfeit,
    Hit,
    Levelled,
    Respawned,
    Rewarded,
    Rivalry,
    Score,
    Struck,
    Swept,
)
from gameserver.modules.movement.events import Appeared, Being, View
from gameserver.modules.sessions.events import Entered

BEING = "being"

command("attack <target:being>", Attack, also=("kill <target:being>", "hit <target:being>"))
command("cleave", Cleave, also=("sweep",))
command("challenge <to>", Challenge, also=("duel <to>",))
command("accept duel of <to>", AcceptDuel, also=("accept duel with <to>",))
command("decline duel of <to>", DeclineDuel, also=("decline duel with <to>",))
command("forfeit", Forfeit, also=("give up",))
command("score", Score, also=("condition", "level"))


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


@answered(Cleave)
def swept(data: Swept, event: Cleave, sight: Sight) -> str:
    """Say what a wide blow did to each."""
    hits = ", ".join(f"{_named(sight, hit.target)} for {hit.damage}" for hit in data.hits)
    return f"You swing wide and strike {hits}."


@told(Fallen)
def fallen(notice: Fallen, sight: Sight) -> str:
    """Say what death has cost."""
    sight.me["xp"] = notice.total
    return styled("bad", f"Your death costs you {notice.xp} experience; {notice.total} is left.") if notice.xp else ""


@told(Levelled)
def levelled(notice: Levelled, sight: Sight) -> str:
    """Say what the player has become."""
    sight.me |= {"hp": notice.hp, "hp_max": notice.hp_max}
    return styled("good", f"You are level {notice.level} now: {notice.hp_max} health, attack {notice.attack}.")


@told(Afflicted)
def afflicted(notice: Afflicted, sight: Sight) -> str:
    """Say what acts on the player."""
    return styled("bad", f"{notice.effect} is upon you.")


@told(Felt)
def felt(notice: Felt, sight: Sight) -> str:
    """Say what an effect did."""
    sight.me["hp"] = notice.hp
    if notice.change < 0:
        return styled("bad", f"{notice.effect} takes {-notice.change} health: {notice.hp} left.")
    return styled("good", f"{notice.effect} gives you {notice.change} health: you have {notice.hp}.")


@answered(Score)
def condition(data: Condition, event: Score, sight: Sight) -> str:
    """Say how the player is."""
    after = f" (the next level begins with {data.next_xp})" if data.next_xp else ""
    resists = ", ".join(f"{percent} % of {element}" for element, percent in data.resists.items())
    lines = [
        f"You are level {data.level}, with {data.xp} experience{after}.",
        f"Health {data.hp} of {data.hp_max}, attack {data.attack}, defence {data.defence}, reach {data.reach}.",
        f"Your armour keeps off {resists}." if resists else "",
        f"Upon you: {', '.join(data.effects)}." if data.effects else "",
    ]
    return " ".join(line for line in lines if line)


@answered(Challenge)
def challenged_somebody(data: Rivalry, event: Challenge, sight: Sight) -> str:
    """Say who was challenged."""
    return f"You challenge {styled('name', data.rival)} to a duel."


@told(Challenged)
def challenged(notice: Challenged, sight: Sight) -> str:
    """Say who asks for a duel, and what to type."""
    by = styled("name", notice.by)
    return f"{by} challenges you to a duel. Type: accept duel of {notice.by}, or: decline duel of {notice.by}."


@answered(AcceptDuel)
def accepted(data: Rivalry, event: AcceptDuel, sight: Sight) -> str:
    """Say nothing: that the duel began is told to both."""
    return ""


@answered(DeclineDuel)
def declined(data: None, event: DeclineDuel, sight: Sight) -> str:
    """Say nothing: that there is no duel is told to both."""
    return ""


@answered(Forfeit)
def forfeited(data: None, event: Forfeit, sight: Sight) -> str:
    """Say that it is over."""
    return "You give up."


@told(DuelBegan)
def duel_began(notice: DuelBegan, sight: Sight) -> str:
    """Say who fights."""
    return styled("title", f"{' and '.join(notice.players)} fight a duel!")


@told(DuelEnded)
def duel_ended(notice: DuelEnded, sight: Sight) -> str:
    """Say who has won, if anybody."""
    ends = {
        "won": f"{notice.winner} has won the duel.",
        "forfeited": f"{notice.winner} has won the duel: the other has left it.",
        "declined": "There will be no duel.",
    }
    return styled("title", ends.get(notice.why, "The duel is over, and nobody has won."))


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
