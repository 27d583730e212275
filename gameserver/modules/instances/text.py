"""Instances in words."""

from gameserver.game import Sight, answered, answers, command, styled, told
from gameserver.modules.instances.events import Depart, Enter, Passed, PutBack
from gameserver.modules.movement.events import Charted

command("enter <template>", Enter, what="Enter an instance, at its gate.")
command("depart", Depart, also=("leave the instance",))


@answers("gates")
def gates(sight: Sight) -> str:
    """See which gates are here."""
    chart: Charted | None = sight.notes.get("chart")
    gates = [sign for sign in chart.signs if sign.kind == "gate"] if chart else []
    found = [f"{styled('gate', gate.name)} at {gate.x}, {gate.y}" for gate in gates]
    return f"Here one enters {', '.join(found)}." if found else "No gate is here."


@answered(Enter, Depart)
def passed(data: Passed, event: Enter | Depart, sight: Sight) -> str:
    """Say where that is."""
    inside = " It is yours or your group's, until it ends." if data.ends_ms else ""
    return f"You come to {styled('title', data.title)}.{inside}"


@told(PutBack)
def put_back(notice: PutBack, sight: Sight) -> str:
    """Say that it is over."""
    return styled("bad", "All fades, and you stand at the gate again.")
