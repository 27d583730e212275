"""The world as a client sees it, computed from notices and replies, without I/O.

Notices of different senders may overtake each other. Each change of a being has a number, ``v``: a notice that is older
than what is known already is ignored, also for beings that have just left the view. Whoever appears between a step into
another cell and its ``view`` may be missing in that, and is kept.
"""

from typing import Any

from gameserver.client.packets import Packet

GONE_KEPT_MAX = 256
CELL = 8  # tiles: one sees the cell in which one stands, and those around it


class WorldView:
    """``me``: id, name, zone, x, y, hp, hp_max, xp (positions in tiles). ``beings``: the others in view, by id."""

    def __init__(self) -> None:
        self.me: Packet = {}
        self.beings: dict[str, Packet] = {}
        self._gone: dict[str, int] = {}  # the ``v`` with which a being left the view
        self._fresh: set[str] = set()  # those who appeared since a view is due
        self._is_view_due = False
        self._handlers = {
            "view": self._on_view,
            "appeared": self._on_appeared,
            "moved": self._on_moved,
            "vanished": self._on_vanished,
            "struck": self._on_struck,
            "died": self._on_died,
            "respawned": self._on_respawned,
            "rewarded": self._on_rewarded,
        }

    def apply_entrance(self, data: Packet) -> None:
        """Set who and where the player is, from the reply to register, login or resume."""
        self._arrive(data)
        self.me |= {key: data[key] for key in ("name", "zone", "x", "y", "hp", "hp_max", "xp")}
        self.me["id"] = data["player"]

    def apply_reply(self, event: Packet, data: Packet) -> None:
        """Update the player or a target from the successful reply to an event."""
        if event["type"] == "move":
            self._arrive(data)
            self.me |= data
        elif event["type"] == "attack":
            self._set_health(data["target"], data["hp"])

    def apply_notice(self, notice: Packet) -> None:
        """Update what a notice concerns; notices of other types are ignored."""
        handler = self._handlers.get(notice["type"])
        if handler is not None:
            handler(notice)

    def _arrive(self, there: Packet) -> None:
        """Stand there from now on; where that is in another cell, a view is due."""
        if self.me.get("zone") != there["zone"]:
            self.beings = {}
        if _cell(self.me) != _cell(there):
            self._is_view_due = True
            self._fresh = set()

    def _on_view(self, notice: Packet) -> None:
        self.me |= notice["you"]
        self.me["zone"] = notice["zone"]
        known = self.beings
        beings = [being for being in notice["beings"] if being["v"] >= self._gone.get(being["id"], 0)]
        kept = {id_: known[id_] for id_ in self._fresh if id_ in known and _sees(self.me, known[id_])}
        self.beings = kept | {being["id"]: _newer(known.get(being["id"]), being) for being in beings}
        self._is_view_due = False
        self._fresh = set()

    def _on_appeared(self, notice: Packet) -> None:
        being = notice["being"]
        if being["id"] == self.me.get("id"):
            self._update_me(being)
        elif being["v"] >= self._gone.get(being["id"], 0):
            self._gone.pop(being["id"], None)
            self.beings[being["id"]] = _newer(self.beings.get(being["id"]), being)
            if self._is_view_due:
                self._fresh.add(being["id"])

    def _update_me(self, being: Packet) -> None:
        if being["v"] >= self.me.get("v", 0):
            # Where I stand is what the replies to my moves say: a notice may be older than the last of them.
            self.me |= {key: value for key, value in being.items() if key not in ("x", "y")}

    def _on_moved(self, notice: Packet) -> None:
        being = self.beings.get(notice["who"])
        if being is not None and notice["v"] >= being["v"]:
            being |= {key: notice[key] for key in ("x", "y", "v")}

    def _on_vanished(self, notice: Packet) -> None:
        who, v = notice["who"], notice["v"]
        if v < self.beings.get(who, {"v": v})["v"]:
            return
        self.beings.pop(who, None)
        self._gone.pop(who, None)
        self._gone[who] = v
        if len(self._gone) > GONE_KEPT_MAX:
            del self._gone[next(iter(self._gone))]

    def _on_struck(self, notice: Packet) -> None:
        self._set_health(notice["target"], notice["hp"], notice.get("v"))

    def _on_died(self, notice: Packet) -> None:
        self._set_health(notice["who"], 0)

    def _set_health(self, who: str, hp: int, v: int | None = None) -> None:
        being = self.me if who == self.me.get("id") else self.beings.get(who)
        if being is None:
            return
        known = being.get("v", 0)
        if v is None or v >= known:
            being |= {"hp": hp, "v": known if v is None else v}

    def _on_respawned(self, notice: Packet) -> None:
        self._arrive(notice)
        self.me |= {key: notice[key] for key in ("zone", "x", "y", "hp")}

    def _on_rewarded(self, notice: Packet) -> None:
        self.me["xp"] = notice["total"]


def _newer(known: Packet | None, received: Packet) -> Packet:
    return known if known is not None and known["v"] > received["v"] else dict(received)


def _cell(at: Packet) -> tuple[Any, int, int]:
    return at.get("zone"), at.get("x", -CELL) // CELL, at.get("y", -CELL) // CELL


def _sees(me: Packet, other: Packet) -> bool:
    return all(abs(me[axis] // CELL - other[axis] // CELL) <= 1 for axis in ("x", "y"))
