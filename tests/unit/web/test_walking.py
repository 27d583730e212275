"""The rule of walking stands twice: in Python, where it decides, and in the page, which shows own steps at once."""

import json
import subprocess
from random import Random
from typing import Any

import msgspec
from msgspec.structs import replace

from gameserver.errors import Rejected
from gameserver.maps.objects import Zone
from gameserver.modules.movement.events import Chart, Move
from gameserver.modules.movement.maps import Portal
from gameserver.modules.movement.rules import STEPS
from gameserver.testing.two_zones import MEADOW, NOW_MS, circumstances, play, player, state
from tests.nodes import JAVASCRIPT, node

CASES = 2_000


def test_the_page_foresees_where_steps_lead_as_the_rule_decides_it() -> None:
    dice = Random(23)
    cases = [a_case(dice) for _ in range(CASES)]
    chart = msgspec.to_builtins(play(Chart(seq=1), state(player()), circumstances(player())).result)
    asked = json.dumps({"chart": chart, "cases": cases})
    done = subprocess.run(
        [node(), str(JAVASCRIPT / "walks.mjs")], input=asked, capture_output=True, text=True, check=True
    )
    foreseen = [(at["x"], at["y"], at.get("leaves", False)) for at in json.loads(done.stdout)]
    assert foreseen == [decided(MEADOW, case) for case in cases]
    assert any(leaves for _, _, leaves in foreseen)


def a_case(dice: Random) -> dict[str, Any]:
    """A way of some steps, often along an edge, a wall or a gate."""
    near = dice.choice([(31, 10), (6, 5), (0, 0), (dice.randrange(MEADOW.width), dice.randrange(MEADOW.height))])
    x = min(max(near[0] + dice.randint(-2, 2), 0), MEADOW.width - 1)
    y = min(max(near[1] + dice.randint(-2, 2), 0), MEADOW.height - 1)
    while not MEADOW.walkable(x, y) or MEADOW.on(Portal, x, y):
        x, y = dice.randrange(MEADOW.width), dice.randrange(MEADOW.height)
    return {"x": x, "y": y, "dirs": [dice.choice(sorted(STEPS)) for _ in range(dice.randint(0, 4))]}


def decided(zone: Zone, case: dict[str, Any]) -> tuple[int, int, bool]:
    """Where the rule leaves the walker; on the gate's tile, if it led away."""
    body = replace(player(), x=case["x"], y=case["y"])
    for n, dir_ in enumerate(case["dirs"], start=1):
        try:
            result = play(Move(dir=dir_, seq=n), state(body), circumstances(body, now_ms=NOW_MS)).result
        except Rejected:  # a wall
            continue
        if result.zone != zone.name:
            dx, dy = STEPS[dir_]
            return body.x + dx, body.y + dy, True
        body = replace(body, x=result.x, y=result.y)
    return body.x, body.y, False
