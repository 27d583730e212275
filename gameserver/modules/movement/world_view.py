"""How a client's view of the world follows movement: where I am, and who is around."""

from typing import Any

from gameserver.game import Packet, View, follows
from gameserver.modules.movement.view import CELL


def arrive(view: View, there: Packet) -> None:
    """Stand there from now on: a view is due. Those of another zone are out of view."""
    if view.me.get("zone") != there["zone"]:
        view.beings = {}
    view.expect_view()
    view.me |= {key: there[key] for key in ("zone", "x", "y")}


def _cell(at: Packet) -> tuple[Any, int, int]:
    return at.get("zone"), at.get("x", -CELL) // CELL, at.get("y", -CELL) // CELL


@follows("register")
@follows("login")
@follows("resume")
def entered(view: View, event: Packet, data: Packet) -> None:
    """I am in the world, here."""
    arrive(view, data)


@follows("move")
def moved_myself(view: View, event: Packet, data: Packet) -> None:
    """Where I stand is what the replies to my moves say; a view follows those into another cell."""
    if _cell(view.me) != _cell(data):
        arrive(view, data)
    view.me |= data


@follows("view")
def looked_around(view: View, notice: Packet) -> None:
    """All that is in view; what is newer stays. Where I stand in a zone, the replies to my moves say."""
    you = notice["you"]
    if view.me.get("zone") != notice["zone"]:
        view.me |= {"zone": notice["zone"], "x": you["x"], "y": you["y"]}
    view.change(you["id"], **_besides_place(you))
    view.show_only(notice["beings"], lambda being: _sees(view.me, being))


def _besides_place(being: Packet) -> Packet:
    return {key: value for key, value in being.items() if key not in ("id", "x", "y")}


def _sees(me: Packet, other: Packet) -> bool:
    return all(abs(me[axis] // CELL - other[axis] // CELL) <= 1 for axis in ("x", "y"))


@follows("appeared")
def appeared(view: View, notice: Packet) -> None:
    """Someone is in view, or changed; of me that may be older than the reply to my last move."""
    being = notice["being"]
    if being["id"] != view.me.get("id"):
        view.show(being)
    else:
        view.change(being["id"], **_besides_place(being))


@follows("moved")
def moved(view: View, notice: Packet) -> None:
    """Someone else walked."""
    if notice["who"] in view.beings:
        view.change(notice["who"], notice["v"], x=notice["x"], y=notice["y"])


@follows("vanished")
def vanished(view: View, notice: Packet) -> None:
    """Someone is out of view."""
    view.hide(notice["who"], notice["v"])
