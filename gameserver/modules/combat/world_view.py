"""How a client's view of the world follows combat: health, death, experience."""

from gameserver.game import Packet, View, follows
from gameserver.modules.movement.world_view import arrive


@follows("register")
@follows("login")
@follows("resume")
def entered(view: View, event: Packet, data: Packet) -> None:
    """I am in the world, in this health."""
    view.me |= {key: data[key] for key in ("hp", "hp_max", "xp") if key in data}


@follows("attack")
def struck_someone(view: View, event: Packet, data: Packet) -> None:
    """My blow fell."""
    view.change(data["target"], hp=data["hp"])


@follows("struck")
def struck(view: View, notice: Packet) -> None:
    """A blow fell, on me or in view."""
    view.change(notice["target"], notice.get("v"), hp=notice["hp"])


@follows("died")
def died(view: View, notice: Packet) -> None:
    """I died, or someone in view."""
    view.change(notice["who"], hp=0)


@follows("respawned")
def respawned(view: View, notice: Packet) -> None:
    """I am alive again, and stand there."""
    arrive(view, notice)
    view.me["hp"] = notice["hp"]


@follows("rewarded")
def rewarded(view: View, notice: Packet) -> None:
    """I gained experience."""
    view.me["xp"] = notice["total"]


@follows("cleave")
def swept(view: View, event: Packet, data: Packet) -> None:
    """My wide blow fell."""
    for hit in data["hits"]:
        view.change(hit["target"], hp=hit["hp"])


@follows("fallen")
def fallen(view: View, notice: Packet) -> None:
    """My death has cost me experience."""
    view.me["xp"] = notice["total"]


@follows("levelled")
def levelled(view: View, notice: Packet) -> None:
    """I have reached a level."""
    view.me |= {key: notice[key] for key in ("level", "hp", "hp_max")}


@follows("felt")
def felt(view: View, notice: Packet) -> None:
    """An effect has changed my health."""
    view.me["hp"] = notice["hp"]


@follows("score")
def condition(view: View, event: Packet, data: Packet) -> None:
    """I was told how I am."""
    view.me |= {key: data[key] for key in ("level", "xp", "hp", "hp_max")}


@follows("duelbegan")
def duel_began(view: View, notice: Packet) -> None:
    """I fight a duel."""
    view.me["rival"] = next((name for name in notice["players"] if name != view.me.get("name")), "")


@follows("duelended")
def duel_ended(view: View, notice: Packet) -> None:
    """I fight no duel."""
    view.me["rival"] = ""
