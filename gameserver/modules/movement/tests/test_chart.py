from base64 import b64decode

from msgspec.structs import replace

from gameserver.maps.objects import Placed
from gameserver.modules.bank.maps import Chest
from gameserver.modules.combat.creature_kinds import KINDS
from gameserver.modules.combat.entities import Creature
from gameserver.modules.movement.appearance import being
from gameserver.modules.movement.entities import Body
from gameserver.modules.movement.events import Chart, Gate, Sign
from gameserver.modules.movement.maps import Spawn
from gameserver.modules.shops.goods import SHOPS
from gameserver.modules.shops.maps import Shop
from gameserver.testing.two_zones import MEADOW, WORLD, circumstances, creature, play, player, replied, state


def test_a_map_tells_every_wall_and_gate_of_the_zone_in_which_one_stands() -> None:
    drawn = replied(play(Chart(seq=1), state(player()), circumstances(player())))
    assert (drawn.zone, drawn.title, drawn.width, drawn.height, drawn.safe) == ("meadow", "The Meadow", 32, 20, False)
    assert drawn.gates == [Gate(x=31, y=10, zone="town")]
    bits, row_bytes = b64decode(drawn.walls), 4
    walls = {(x, y) for y in range(20) for x in range(32) if bits[y * row_bytes + x // 8] & 0x80 >> x % 8}
    assert walls == MEADOW.walls


def test_a_map_shows_what_modules_say_that_it_shows() -> None:
    store = Placed(id="meadow.shop.9", x=4, y=5, what=Shop(shop="store"))
    chest = Placed(id="meadow.chest.8", x=2, y=3, what=Chest())
    spawn = Placed(id="meadow.spawn.7", x=1, y=1, what=Spawn())
    meadow = replace(MEADOW, objects=(spawn, chest, store))
    there = state(player(), world=replace(WORLD, zones={**WORLD.zones, "meadow": meadow}))
    assert play(Chart(seq=1), there, circumstances(player())).result.signs == [
        Sign(kind="chest", name="meadow.chest.8", title="Chest", x=2, y=3),
        Sign(kind="shop", name="store", title=SHOPS["store"].title, x=4, y=5),
    ]


def test_what_health_is_full_is_told_of_everyone_in_view() -> None:
    shown = state(creature(), player(hp_max=120))
    assert being(shown, shown.of(Creature)[creature().id]).hp_max == KINDS["rat"].hp_max
    assert being(shown, shown.of(Body)["ada"]).hp_max == 120
