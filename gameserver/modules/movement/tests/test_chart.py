from base64 import b64decode

from gameserver.modules.combat.entities import Creature
from gameserver.modules.combat.kinds import KINDS
from gameserver.modules.movement.appearance import being
from gameserver.modules.movement.entities import Body
from gameserver.modules.movement.events import Chart, Gate
from gameserver.testing.two_zones import MEADOW, circumstances, creature, play, player, state


def test_a_map_tells_every_wall_and_gate_of_the_zone_in_which_one_stands() -> None:
    drawn = play(Chart(seq=1), state(player()), circumstances(player())).result
    assert (drawn.zone, drawn.title, drawn.width, drawn.height, drawn.safe) == ("meadow", "The Meadow", 32, 20, False)
    assert drawn.gates == [Gate(x=31, y=10, zone="town")]
    bits, row_bytes = b64decode(drawn.walls), 4
    walls = {(x, y) for y in range(20) for x in range(32) if bits[y * row_bytes + x // 8] & 0x80 >> x % 8}
    assert walls == MEADOW.walls


def test_what_health_is_full_is_told_of_everyone_in_view() -> None:
    shown = state(creature(), player(hp_max=120))
    assert being(shown, shown.of(Creature)[creature().id]).hp_max == KINDS["rat"].hp_max
    assert being(shown, shown.of(Body)["ada"]).hp_max == 120
