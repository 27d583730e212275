"""What a client sees of the world, put together from notices and replies. Pure: packets in, two plain maps out.

Notices of different senders may overtake each other. Each change of a being has a number, ``v``: whatever is older than
what is known already is ignored, also for beings that have just left the view.
"""

from typing import Any

Packet = dict[str, Any]

GONE_KEPT_MAX = 256


class Picture:
    """``me``: id, name, zone, x, y, hp, hp_max, xp (positions in tiles). ``beings``: the others in view, by id."""

    def __init__(self) -> None:
        self.me: Packet = {}
        self.beings: dict[str, Packet] = {}
        self._gone: dict[str, int] = {}  # how new the news was that someone left the view
        self._readers = {
            "view": self._view,
            "appeared": self._appeared,
            "moved": self._moved,
            "vanished": self._vanished,
            "struck": self._struck,
            "died": self._died,
            "respawned": self._respawned,
            "rewarded": self._rewarded,
        }

    def entered(self, data: Packet) -> None:
        """Take the reply to register, login or resume."""
        self._stand(data["zone"])
        self.me |= {key: data[key] for key in ("name", "zone", "x", "y", "hp", "hp_max", "xp")}
        self.me["id"] = data["player"]

    def replied(self, event: Packet, data: Packet) -> None:
        """Take the successful reply to an event."""
        if event["type"] == "move":
            self._stand(data["zone"])
            self.me |= data
        elif event["type"] == "attack":
            self._wound(data["target"], data["hp"])

    def noticed(self, notice: Packet) -> None:
        """Take a notice; those that say nothing of the picture are passed over."""
        reader = self._readers.get(notice["type"])
        if reader is not None:
            reader(notice)

    def _stand(self, zone: str) -> None:
        if self.me.get("zone") != zone:
            self.beings = {}

    def _view(self, notice: Packet) -> None:
        self.me |= notice["you"]
        self.me["zone"] = notice["zone"]
        known = self.beings
        beings = [being for being in notice["beings"] if being["v"] >= self._gone.get(being["id"], 0)]
        self.beings = {being["id"]: _newer(known.get(being["id"]), being) for being in beings}

    def _appeared(self, notice: Packet) -> None:
        being = notice["being"]
        if being["id"] == self.me.get("id"):
            self._changed(being)
        elif being["v"] >= self._gone.get(being["id"], 0):
            self._gone.pop(being["id"], None)
            self.beings[being["id"]] = _newer(self.beings.get(being["id"]), being)

    def _changed(self, being: Packet) -> None:
        if being["v"] >= self.me.get("v", 0):
            # Where I stand is what the replies to my moves say: a notice may be older than the last of them.
            self.me |= {key: value for key, value in being.items() if key not in ("x", "y")}

    def _moved(self, notice: Packet) -> None:
        being = self.beings.get(notice["who"])
        if being is not None and notice["v"] >= being["v"]:
            being |= {key: notice[key] for key in ("x", "y", "v")}

    def _vanished(self, notice: Packet) -> None:
        who, v = notice["who"], notice["v"]
        if v < self.beings.get(who, {"v": v})["v"]:
            return
        self.beings.pop(who, None)
        self._gone.pop(who, None)
        self._gone[who] = v
        if len(self._gone) > GONE_KEPT_MAX:
            del self._gone[next(iter(self._gone))]

    def _struck(self, notice: Packet) -> None:
        self._wound(notice["target"], notice["hp"], notice.get("v"))

    def _died(self, notice: Packet) -> None:
        self._wound(notice["who"], 0)

    def _wound(self, who: str, hp: int, v: int | None = None) -> None:
        being = self.me if who == self.me.get("id") else self.beings.get(who)
        if being is None:
            return
        known = being.get("v", 0)
        if v is None or v >= known:
            being |= {"hp": hp, "v": known if v is None else v}

    def _respawned(self, notice: Packet) -> None:
        self._stand(notice["zone"])
        self.me |= {key: notice[key] for key in ("zone", "x", "y", "hp")}

    def _rewarded(self, notice: Packet) -> None:
        self.me["xp"] = notice["total"]


def _newer(known: Packet | None, told: Packet) -> Packet:
    return known if known is not None and known["v"] > told["v"] else dict(told)
