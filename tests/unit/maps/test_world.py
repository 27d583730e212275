"""A valid world of two small zones is broken in one place per test; the bundled world is held to what players need."""

import base64
import gzip
import json
import struct
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from gameserver.declare.game_package import game
from gameserver.errors import Corrupt
from gameserver.maps.objects import Placed, World, Zone
from gameserver.maps.world import fingerprint, load_world
from gameserver.modules.combat.creature_kinds import KINDS
from gameserver.modules.combat.maps import Peace, is_safe
from gameserver.modules.creatures.maps import Lair
from gameserver.modules.instances.maps import Stay
from gameserver.modules.movement.maps import Portal, Spawn, spawns
from gameserver.modules.quests import quest_kinds as quests

BUNDLED = game().world

# Two walls in the field, at (3, 1) and (0, 2).
FIELD_WALLS = [0] * 5 + [0, 0, 0, 7, 0] + [7, 0, 0, 0, 0] + [0] * 5


def thing(id_: int, class_: str, x: int, y: int, /, **properties: Any) -> dict[str, Any]:
    """An object that covers the tile (x, y) of 16 by 8 pixels."""
    return {
        "id": id_,
        "type": class_,
        "x": x * 16,
        "y": y * 8,
        "width": 16,
        "height": 8,
        "properties": custom(**properties),
    }


def custom(**properties: Any) -> list[dict[str, Any]]:
    return [{"name": name, "type": "ignored", "value": value} for name, value in properties.items()]


def tile_layer(name: str, width: int, height: int, data: list[int]) -> dict[str, Any]:
    return {"name": name, "type": "tilelayer", "width": width, "height": height, "data": data}


def tiled_map(width: int, height: int, walls: list[int], things: list[dict[str, Any]], **properties: Any) -> Any:
    return {
        "type": "map",
        "orientation": "orthogonal",
        "infinite": False,
        "width": width,
        "height": height,
        "tilewidth": 16,
        "tileheight": 8,
        "properties": custom(**properties),
        "layers": [
            tile_layer("ground", width, height, [1] * (width * height)),
            tile_layer("walls", width, height, walls),
            {"name": "objects", "type": "objectgroup", "objects": things},
        ],
    }


class Files:
    """The files of a valid world as plain values: change them, then ``load``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.world: Any = {"type": "world", "maps": [{"fileName": "home.tmj"}, {"fileName": "field.tmj"}]}
        self.home = tiled_map(
            3,
            3,
            [0] * 9,
            [thing(1, "spawn", 1, 1), thing(2, "portal", 2, 1, zone="field", x=1, y=1)],
            title="Home",
            safe=True,
            start=True,
        )
        self.field = tiled_map(
            5,
            4,
            list(FIELD_WALLS),
            [
                thing(1, "spawn", 1, 2),
                thing(2, "portal", 0, 1, zone="home", x=1, y=1),
                thing(3, "creature", 4, 3, kind="rat"),
                thing(4, "creature", 4, 0, kind="wolf"),
            ],
            title="The Field",
        )

    def load(self) -> World:
        for name, content in (("test.world", self.world), ("home.tmj", self.home), ("field.tmj", self.field)):
            (self.folder / name).write_text(json.dumps(content))
        return load_world(self.folder / "test.world")

    def field_layer(self, name: str) -> Any:
        return next(layer for layer in self.field["layers"] if layer["name"] == name)

    def field_thing(self, id_: int) -> Any:
        return next(one for one in self.field_layer("objects")["objects"] if one["id"] == id_)

    def add_to_field(self, *things: dict[str, Any]) -> None:
        self.field_layer("objects")["objects"] += things

    def refused(self, file: str, sentence: str) -> None:
        """Assert that loading fails with a message that names ``file`` and contains ``sentence``."""
        with pytest.raises(Corrupt) as caught:
            self.load()
        assert caught.value.code == "bad_world"
        assert str(self.folder / file) in caught.value.message
        assert sentence in caught.value.message


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Files:
    monkeypatch.setattr(quests, "QUESTS", {})  # the game's quests need the game's own people
    return Files(tmp_path)


def lairs(zone: Zone) -> list[Placed]:
    return [placed for placed, _ in zone.placed(Lair)]


def put_at(one: dict[str, Any], x: int, y: int) -> None:
    one["x"], one["y"] = x * 16, y * 8


# What is read


def test_a_world_is_read_as_drawn(files: Files) -> None:
    world = files.load()
    assert world.start == "home"
    assert world.zones["home"] == Zone(
        name="home",
        title="Home",
        width=3,
        height=3,
        objects=(
            Placed("home.spawn.1", 1, 1, Spawn()),
            Placed("home.portal.2", 2, 1, Portal("field", 1, 1)),
        ),
        properties=(Peace(safe=True),),
    )
    assert world.zones["field"] == Zone(
        name="field",
        title="The Field",
        width=5,
        height=4,
        walls=frozenset({(3, 1), (0, 2)}),
        objects=(
            Placed("field.spawn.1", 1, 2, Spawn()),
            Placed("field.portal.2", 0, 1, Portal("home", 1, 1)),
            Placed("field.rat.3", 4, 3, Lair("rat")),
            Placed("field.wolf.4", 4, 0, Lair("wolf")),
        ),
    )


def test_one_stands_inside_the_map_and_not_in_a_wall(files: Files) -> None:
    field = files.load().zones["field"]
    assert field.walkable(0, 0)
    assert field.walkable(4, 3)
    assert not any(field.walkable(x, y) for x, y in ((-1, 0), (0, -1), (5, 0), (0, 4)))
    assert not field.walkable(3, 1)
    assert not field.walkable(5, 3)


def test_objects_may_say_class_where_others_say_type(files: Files) -> None:
    expected = files.load()
    for one in files.field_layer("objects")["objects"]:
        one["class"] = one.pop("type")
    assert files.load() == expected


def test_a_point_means_the_tile_around_it(files: Files) -> None:
    files.field_thing(3).update(x=2 * 16 + 15.9, y=3 * 8 + 7.9, width=0, height=0, point=True)
    assert (lairs(files.load().zones["field"])[0].x, lairs(files.load().zones["field"])[0].y) == (2, 3)


def test_a_rectangle_drawn_off_the_grid_means_the_tile_it_covers_most(files: Files) -> None:
    files.field_thing(3).update(x=2 * 16 - 3, y=3 * 8 - 2)
    assert (lairs(files.load().zones["field"])[0].x, lairs(files.load().zones["field"])[0].y) == (2, 3)


def test_creatures_keep_their_ids_when_objects_are_reordered_or_removed(files: Files) -> None:
    files.add_to_field(thing(9, "creature", 2, 3, kind="rat"))
    before = lairs(files.load().zones["field"])
    files.field_layer("objects")["objects"].reverse()
    assert lairs(files.load().zones["field"]) == before
    files.field_layer("objects")["objects"].remove(files.field_thing(3))
    assert lairs(files.load().zones["field"]) == before[1:]


def pack(gids: list[int]) -> bytes:
    return struct.pack(f"<{len(gids)}I", *gids)


@pytest.mark.parametrize(
    ("compression", "compress"),
    [("", bytes), ("zlib", zlib.compress), ("gzip", gzip.compress)],
)
def test_base64_layers_read_like_csv(files: Files, compression: str, compress: Callable[[bytes], bytes]) -> None:
    expected = files.load()
    for name in ("ground", "walls"):
        layer = files.field_layer(name)
        text = base64.b64encode(compress(pack(layer["data"]))).decode()
        layer.update(encoding="base64", compression=compression, data=text)
    assert files.load() == expected


def test_a_flipped_tile_is_still_a_wall(files: Files) -> None:
    files.field_layer("walls")["data"][0] = 0xE0000007
    assert (0, 0) in files.load().zones["field"].walls


# Broken files


def test_a_missing_world_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(Corrupt, match=r"nowhere\.world: can't be read \(No such file"):
        load_world(tmp_path / "nowhere.world")


def test_a_missing_map_file_is_named(files: Files) -> None:
    files.world["maps"].append({"fileName": "lost.tmj"})
    files.refused("lost.tmj", "can't be read")


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"\xff\xfe", b'{"maps": [{}]}', b'{"maps": 1}', b'{"maps": [{"fileName": "\xff"}]}']
)
def test_a_world_file_that_is_no_world_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "torn.world"
    path.write_bytes(content)
    with pytest.raises(Corrupt, match=r"torn\.world: is not the JSON that Tiled saves") as caught:
        load_world(path)
    assert caught.value.code == "bad_world"


@pytest.mark.parametrize("key", ["width", "height", "tilewidth", "tileheight", "layers"])
def test_a_map_without_its_measures_is_refused(files: Files, key: str) -> None:
    del files.field[key]
    files.refused("field.tmj", f"`{key}`")


@pytest.mark.parametrize("side", [0, -1, 1025, "5", 2.5])
def test_a_side_that_is_no_sensible_number_of_tiles_is_refused(files: Files, side: Any) -> None:
    files.field["width"] = side
    files.refused("field.tmj", "$.width")


def test_a_world_without_maps_is_refused(files: Files) -> None:
    files.world["maps"] = []
    files.refused("test.world", "lists no maps")


def test_a_world_that_names_maps_by_patterns_is_refused(files: Files) -> None:
    files.world["patterns"] = [{"regexp": ".*"}]
    files.refused("test.world", "patterns")


def test_two_maps_of_one_name_are_refused(files: Files) -> None:
    files.world["maps"].append({"fileName": "field.tmj"})
    files.refused("test.world", "two maps named 'field'")


@pytest.mark.parametrize("name", ["Field", "a.b", "1st", "a b", "*", "x" * 33, "field\n"])
def test_a_map_whose_name_is_no_routing_word_is_refused(files: Files, name: str) -> None:
    files.world["maps"].append({"fileName": f"{name}.tmj"})
    files.refused("test.world", "a zone's name is")


def test_an_infinite_map_is_refused(files: Files) -> None:
    files.field["infinite"] = True
    files.refused("field.tmj", "infinite map")


@pytest.mark.parametrize("orientation", ["isometric", "staggered", "hexagonal"])
def test_a_map_that_is_not_orthogonal_is_refused(files: Files, orientation: str) -> None:
    files.field["orientation"] = orientation
    files.refused("field.tmj", f"is {orientation}; set Orientation to Orthogonal")


@pytest.mark.parametrize("order", ["right-down", "right-up", "left-down", "left-up"])
def test_the_order_in_which_tiles_are_drawn_is_nobody_s_concern(files: Files, order: str) -> None:
    alone = files.load()
    files.field["renderorder"] = order
    assert files.load() == alone


def test_groups_without_an_end_are_refused(files: Files) -> None:
    files.load()
    deep = '{"name":"g","type":"group","layers":[' * 5_000
    (files.folder / "field.tmj").write_text(
        f'{{"width":1,"height":1,"tilewidth":1,"tileheight":1,"layers":[{deep}{"]}" * 5_000}]}}'
    )
    with pytest.raises(Corrupt, match=r"field\.tmj: is not the JSON that Tiled saves"):
        load_world(files.folder / "test.world")


@pytest.mark.parametrize("value", [{"name": "rat"}, ["rat"], 4, None], ids=["class", "list", "flags", "nothing"])
def test_a_property_of_a_type_of_the_mapper_s_own_is_refused_by_name(files: Files, value: Any) -> None:
    files.field_thing(3)["properties"] = [{"name": "kind", "type": "class", "propertytype": "Kind", "value": value}]
    files.refused("field.tmj", "properties of object 3 (creature): Expected `str`")


def test_a_map_in_xml_is_refused_with_what_to_click(files: Files) -> None:
    files.load()
    (files.folder / "field.tmj").write_text('<?xml version="1.0"?><map/>')
    with pytest.raises(Corrupt, match=r"field.tmj: is Tiled's XML; choose File > Export As"):
        load_world(files.folder / "test.world")


# What a mapper sees: layers that are moved, grouped, hidden


def test_objects_stand_where_their_layer_is_moved_to(files: Files) -> None:
    files.field_layer("objects").update(offsetx=16, offsety=-8)
    for one in files.field_layer("objects")["objects"]:
        one["x"], one["y"] = one["x"] - 16, one["y"] + 8
    moved = files.load().zones["field"]
    assert moved == Files(files.folder).load().zones["field"]


@pytest.mark.parametrize("by", [{"offsetx": 16.0, "offsety": 8.0}, {"x": 1, "y": 1}])
def test_walls_stand_where_their_layer_is_moved_to(files: Files, by: dict[str, float]) -> None:
    files.field_layer("walls").update(by)
    files.field_thing(1).update(x=0, y=16)
    assert files.load().zones["field"].walls == {(4, 2), (1, 3)}


def test_a_layer_that_is_moved_by_a_part_of_a_tile_is_refused_with_what_to_click(files: Files) -> None:
    files.field_layer("walls").update(offsetx=7)
    files.refused("field.tmj", "set its Offset to whole tiles")


def test_layers_in_groups_are_read_where_they_are_shown(files: Files) -> None:
    alone = files.load()
    inner = {"name": "solid", "type": "group", "offsetx": 16, "layers": [files.field_layer("walls")]}
    outer = {"name": "all", "type": "group", "offsetx": -16, "layers": [inner, files.field_layer("ground")]}
    files.field["layers"] = [outer, files.field_layer("objects")]
    outer["layers"][1]["offsetx"] = 16
    assert files.load() == alone


@pytest.mark.parametrize("hidden", [{"visible": False}, {"opacity": 0}, {"tintcolor": "#00ff0000"}])
@pytest.mark.parametrize("name", ["ground", "walls", "objects", "group"])
def test_what_is_hidden_is_refused_with_what_to_click(files: Files, name: str, hidden: dict[str, Any]) -> None:
    files.field["layers"] = [{"name": "group", "type": "group", "layers": files.field["layers"]}]
    group = files.field["layers"][0]
    next(one for one in (group, *group["layers"]) if one["name"] == name).update(hidden)
    files.refused("field.tmj", "is hidden; show it in Tiled")


def test_a_layer_that_moves_with_the_view_is_refused_with_what_to_click(files: Files) -> None:
    files.field_layer("walls")["parallaxx"] = 0.5
    files.refused("field.tmj", "set its Parallax Factor to 1, 1")


@pytest.mark.parametrize("tint", ["#ff0000", "#80ff0000"])
def test_a_layer_with_a_colour_is_read(files: Files, tint: str) -> None:
    alone = files.load()
    files.field_layer("walls")["tintcolor"] = tint
    assert files.load() == alone


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"template": "rat.tj"}, "right-click it in Tiled and choose Detach"),
        ({"visible": False}, "object 3 is hidden"),
        ({"opacity": 0}, "object 3 is hidden"),
    ],
)
def test_an_object_that_is_not_what_is_seen_is_refused_with_what_to_click(
    files: Files, change: dict[str, Any], sentence: str
) -> None:
    files.field_thing(3).update(change)
    files.refused("field.tmj", sentence)


@pytest.mark.parametrize("grouped", [False, True])
def test_an_object_of_the_games_on_a_layer_that_is_not_read_is_refused_with_what_to_click(
    files: Files, grouped: bool
) -> None:
    more = {"name": "more", "type": "objectgroup", "objects": [thing(9, "creature", 2, 2, kind="rat")]}
    files.field["layers"].append({"name": "group", "type": "group", "layers": [more]} if grouped else more)
    files.refused("field.tmj", "object 9 (creature) is on the layer 'more'")


def test_an_object_of_a_template_s_on_a_layer_that_is_not_read_is_refused(files: Files) -> None:
    rat = {"id": 9, "template": "rat.tj", "x": 32, "y": 16}
    files.field["layers"].append({"name": "more", "type": "objectgroup", "objects": [rat]})
    files.refused("field.tmj", "object 9 (rat.tj) is on the layer 'more'")


def test_notes_of_a_mapper_s_and_hidden_layers_are_nobody_s_concern(files: Files) -> None:
    alone = files.load()
    note = {"id": 8, "x": 1, "y": 1, "text": {"text": "a road later"}}
    drafts = {"name": "drafts", "type": "objectgroup", "visible": False, "objects": [thing(9, "creature", 2, 2)]}
    picture = {"name": "sketch", "type": "imagelayer", "image": "sketch.png", "x": 0, "y": 0}
    files.field["layers"] += [{"name": "notes", "type": "objectgroup", "objects": [note]}, drafts, picture]
    assert files.load() == alone


# Where: the line of the object in the file


@pytest.mark.parametrize(
    "change",
    [{"type": "rta"}, {"properties": custom(kind=7)}, {"properties": custom(kind="spoon")}, {"x": -16}, {"width": 99}],
    ids=["class", "property", "kind", "place", "shape"],
)
@pytest.mark.parametrize("sort_keys", [True, False], ids=["as Tiled writes", "as we write"])
def test_the_line_on_which_an_object_begins_is_named(files: Files, change: dict[str, Any], sort_keys: bool) -> None:
    files.field_layer("objects").update(id=3, x=0, y=0)
    files.field_thing(3).update(change)
    files.refused("field.tmj", "")
    text = json.dumps(files.field, indent=1, sort_keys=sort_keys)
    (files.folder / "field.tmj").write_text(text)
    with pytest.raises(Corrupt, match=r"field\.tmj:\d+: ") as refused:
        load_world(files.folder / "test.world")
    line = int(refused.value.message.partition("field.tmj:")[2].partition(":")[0])
    named, _ = json.JSONDecoder().raw_decode("\n".join(text.splitlines()[line - 1 :]).lstrip())
    assert named == files.field_thing(3)


# Broken layers


@pytest.mark.parametrize("name", ["ground", "walls", "objects"])
def test_a_missing_layer_is_named(files: Files, name: str) -> None:
    files.field["layers"].remove(files.field_layer(name))
    files.refused("field.tmj", f"has 0 layers of type {'objectgroup' if name == 'objects' else 'tilelayer'} named")


def test_two_layers_of_one_name_are_refused(files: Files) -> None:
    files.field["layers"].append(files.field_layer("walls"))
    files.refused("field.tmj", "has 2 layers of type tilelayer named 'walls'")


@pytest.mark.parametrize("name", ["ground", "walls"])
def test_a_layer_of_another_size_than_the_map_is_refused(files: Files, name: str) -> None:
    files.field_layer(name).update(width=4, height=5)
    files.refused("field.tmj", f"layer {name!r} is 4x5, the map is 5x4")


@pytest.mark.parametrize("count", [0, 19, 21])
def test_a_layer_with_too_few_or_too_many_cells_is_refused(files: Files, count: int) -> None:
    files.field_layer("walls")["data"] = [0] * count
    files.refused("field.tmj", f"has {count} cells, expected 20")


@pytest.mark.parametrize(
    ("encoding", "compression"), [("base64", "zstd"), ("base64", "brotli"), ("csv", ""), ("hex", "")]
)
def test_an_encoding_that_is_not_read_is_refused(files: Files, encoding: str, compression: str) -> None:
    files.field_layer("walls").update(encoding=encoding, compression=compression, data="AAAA")
    files.refused("field.tmj", "choose CSV or base64")


def test_a_layer_without_data_is_refused(files: Files) -> None:
    del files.field_layer("walls")["data"]
    files.refused("field.tmj", "layer 'walls'")


@pytest.mark.parametrize(
    ("compression", "text"),
    [
        ("", "***"),
        ("", "é"),
        ("", base64.b64encode(bytes(79)).decode()),
        ("zlib", base64.b64encode(bytes(80)).decode()),
        ("gzip", base64.b64encode(gzip.compress(bytes(80))[:-9]).decode()),
    ],
)
def test_torn_base64_data_is_refused(files: Files, compression: str, text: str) -> None:
    files.field_layer("walls").update(encoding="base64", compression=compression, data=text)
    files.refused("field.tmj", "layer 'walls' holds damaged base64 data")


# Broken properties and objects


def test_a_map_without_a_title_is_refused(files: Files) -> None:
    files.field["properties"] = []
    files.refused("field.tmj", "properties of the map: Object missing required field `title`; in Tiled ")


def test_of_a_missing_property_that_tiled_may_show_it_is_said_what_to_click(files: Files) -> None:
    """A default of a custom class is seen with each object, and saved with none."""
    files.add_to_field(thing(9, "portal", 2, 2))
    with pytest.raises(Corrupt) as refused:
        files.load()
    clicks = "Custom Properties", "Edit > Preferences > Resolve object types and properties", "File > Export As"
    assert all(words in refused.value.message for words in clicks)


@pytest.mark.parametrize(("name", "value"), [("title", 1), ("safe", "yes"), ("start", 1), ("sfae", True)])
def test_a_mistyped_map_property_is_refused(files: Files, name: str, value: Any) -> None:
    files.field["properties"] = custom(**{"title": "The Field", name: value})
    files.refused("field.tmj", "properties of the map")


@pytest.mark.parametrize("class_", ["", "portl", "Spawn"])
def test_an_object_of_unknown_class_is_refused(files: Files, class_: str) -> None:
    files.add_to_field(thing(9, class_, 2, 2))
    files.refused("field.tmj", f"object 9 has class {class_!r}")


@pytest.mark.parametrize(
    "properties", [{"zone": "home", "x": 1}, {"zone": "home", "x": "1", "y": 1}, {"zone": 1, "x": 1, "y": 1}]
)
def test_a_portal_without_a_target_is_refused(files: Files, properties: dict[str, Any]) -> None:
    files.add_to_field(thing(9, "portal", 2, 2, **properties))
    files.refused("field.tmj", "properties of object 9 (portal)")


def test_a_creature_without_a_kind_is_refused(files: Files) -> None:
    files.add_to_field(thing(9, "creature", 2, 2))
    files.refused("field.tmj", "object 9 (creature) needs a kind, or else a lair")


def test_a_spawn_with_a_property_is_refused(files: Files) -> None:
    files.add_to_field(thing(9, "spawn", 2, 2, kind="rat"))
    files.refused("field.tmj", "properties of object 9 (spawn)")


@pytest.mark.parametrize(
    "shape",
    [{"width": 17}, {"height": 9}, {"rotation": 90}, {"gid": 3}, {"polygon": []}, {"polyline": []}, {"text": {}}],
)
def test_an_object_whose_shape_means_no_one_tile_is_refused(files: Files, shape: dict[str, Any]) -> None:
    files.field_thing(3).update(shape)
    files.refused("field.tmj", "object 3 has to be a point or an upright rectangle")


@pytest.mark.parametrize(
    "shape", [{"rotation": 360}, {"ellipse": True}, {"capsule": True}, {"width": 0, "height": 0, "point": True}]
)
def test_an_object_that_lies_on_one_tile_is_read_whatever_it_looks_like(files: Files, shape: dict[str, Any]) -> None:
    alone = files.load()
    files.field_thing(3).update(shape)
    assert files.load() == alone


def test_creatures_that_share_an_id_are_refused(files: Files) -> None:
    files.add_to_field(thing(3, "creature", 2, 2, kind="rat"))
    files.refused("field.tmj", "two objects share the id 3")


def test_a_creature_of_unknown_kind_is_refused(files: Files) -> None:
    files.add_to_field(thing(9, "creature", 2, 2, kind="dragon"))
    files.refused("field.tmj", "object 9 (creature) is of unknown kind 'dragon', expected one of")


# Broken places


def test_a_zone_without_a_spawn_is_refused(files: Files) -> None:
    files.field_layer("objects")["objects"].remove(files.field_thing(1))
    files.refused("field.tmj", "has no spawn")


@pytest.mark.parametrize(("x", "y"), [(3, 1), (0, 2), (-1, 0), (5, 0), (0, 4)])
@pytest.mark.parametrize(("id_", "what"), [(1, "field.spawn.1"), (2, "field.portal.2"), (3, "field.rat.3")])
def test_an_object_in_a_wall_or_outside_is_refused(files: Files, id_: int, what: str, x: int, y: int) -> None:
    put_at(files.field_thing(id_), x, y)
    files.refused("field.tmj", f"{what} stands in a wall or outside, at ({x}, {y})")


@pytest.mark.parametrize(("id_", "what"), [(1, "field.spawn.1"), (3, "field.rat.3")])
def test_a_spawn_or_creature_on_a_portal_is_refused(files: Files, id_: int, what: str) -> None:
    put_at(files.field_thing(id_), 0, 1)
    files.refused("field.tmj", f"{what} stands on a portal, at (0, 1)")


def test_two_portals_on_one_tile_are_refused(files: Files) -> None:
    files.add_to_field(thing(9, "portal", 0, 1, zone="home", x=0, y=0))
    files.refused("field.tmj", "field.portal.9 stands on a portal, at (0, 1)")


def test_a_portal_to_an_unknown_zone_is_refused(files: Files) -> None:
    files.add_to_field(thing(9, "portal", 2, 2, zone="atlantis", x=0, y=0))
    files.refused("field.tmj", "field.portal.9 leads to an unknown zone, 'atlantis', at (2, 2)")


@pytest.mark.parametrize(("x", "y"), [(3, 1), (5, 0), (0, -1)])
def test_a_portal_into_a_wall_or_outside_is_refused(files: Files, x: int, y: int) -> None:
    files.home["layers"][2]["objects"][1] = thing(2, "portal", 2, 1, zone="field", x=x, y=y)
    files.refused("home.tmj", f"home.portal.2 leads to 'field', into a wall or outside at ({x}, {y}), at (2, 1)")


def test_a_portal_onto_another_portal_is_refused(files: Files) -> None:
    files.home["layers"][2]["objects"][1] = thing(2, "portal", 2, 1, zone="field", x=0, y=1)
    files.refused("home.tmj", "home.portal.2 leads to 'field', onto a portal at (0, 1), at (2, 1)")


def test_a_world_without_a_start_is_refused(files: Files) -> None:
    files.home["properties"] = custom(title="Home", start=False)
    files.refused("test.world", "exactly one map with the property start, found none")


def test_a_world_with_two_starts_is_refused(files: Files) -> None:
    files.field["properties"] = custom(title="The Field", start=True)
    files.refused("test.world", "exactly one map with the property start, found home, field")


def test_a_zone_to_which_no_portals_lead_is_refused(files: Files) -> None:
    del files.home["layers"][2]["objects"][1]
    files.refused("test.world", "no portals lead from 'home' to field")


# Templates


def with_den(files: Files, **said: Any) -> Files:
    files.world["maps"].append({"fileName": "den.tmj"})
    den = tiled_map(3, 3, [0] * 9, [thing(1, "spawn", 1, 1)], title="Den", template=True, **said)
    (files.folder / "den.tmj").write_text(json.dumps(den))
    files.add_to_field(thing(9, "gate", 3, 3, template="den"))
    return files


def test_a_template_is_no_zone_and_any_number_of_zones_have_its_map(files: Files) -> None:
    world = with_den(files, lasts_s=60).load()
    assert (world.zones.keys(), world.templates.keys()) == ({"home", "field"}, {"den"})
    first, second = world.zone("den#1"), world.zone("den#2")
    assert first is not None
    assert second is not None
    assert (first.name, first.title, first.described(Stay).lasts_s) == ("den#1", "Den", 60)
    assert (first.objects[0].id, second.objects[0].id) == ("den#1.spawn.1", "den#2.spawn.1")
    assert (world.zone("field"), world.zone("den"), world.zone("field#1")) == (world.zones["field"], None, None)


def test_what_is_drawn_on_templates_counts_for_the_fingerprint(files: Files) -> None:
    before = fingerprint(with_den(files).load())
    den = json.loads((files.folder / "den.tmj").read_text())
    den["layers"][1]["data"][0] = 1
    (files.folder / "den.tmj").write_text(json.dumps(den))
    assert fingerprint(files.load()) != before


@pytest.mark.parametrize(
    ("file", "more", "said", "sentence"),
    [
        ("field.tmj", thing(8, "gate", 3, 2, template="home"), {}, "no map with the property template"),
        ("field.tmj", thing(8, "gate", 3, 2, template="nowhere"), {}, "no map with the property template"),
        ("field.tmj", thing(8, "gate", 0, 1, template="den"), {}, "stands on a portal"),
        ("field.tmj", thing(8, "portal", 3, 2, zone="den", x=1, y=1), {}, "leads to an unknown zone, 'den'"),
        ("field.tmj", None, {"visitors_max": 0}, "visitors_max of den is 0, expected 1 to 20"),
        ("field.tmj", None, {"lasts_s": -1}, "lasts_s of den is -1"),
        ("field.tmj", None, {"empty_s": 10**9}, "empty_s of den is 1000000000"),
        ("den.tmj", None, {"start": True}, "is the start, and can't be a template"),
    ],
)
def test_a_template_or_gate_that_can_t_be_is_refused(
    files: Files, file: str, more: Any, said: dict[str, Any], sentence: str
) -> None:
    with_den(files, **said)
    if more is not None:
        files.add_to_field(more)
    if said.get("start"):
        files.home["properties"] = custom(title="Home")
    files.refused(file, sentence)


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        (thing(2, "gate", 0, 0, template="den"), "stands in a template"),
        (thing(2, "chest", 0, 0), "stands in a template"),
    ],
)
def test_what_would_be_lost_with_an_instance_stands_in_no_template(
    files: Files, what: dict[str, Any], sentence: str
) -> None:
    with_den(files)
    den = json.loads((files.folder / "den.tmj").read_text())
    den["layers"][2]["objects"].append(what)
    (files.folder / "den.tmj").write_text(json.dumps(den))
    files.refused("den.tmj", sentence)


# The bundled world


@pytest.fixture(scope="module")
def bundled() -> World:
    return load_world(BUNDLED)


def around(x: int, y: int) -> set[tuple[int, int]]:
    return {(x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)}


def flooded(zone: Zone, begin: tuple[int, int]) -> set[tuple[int, int]]:
    """All tiles that one can walk to from ``begin``, itself included, without ever stepping diagonally."""
    reached = {begin}
    frontier = [begin]
    while frontier:
        fresh = {tile for tile in around(*frontier.pop()) if zone.walkable(*tile)} - reached
        reached |= fresh
        frontier += fresh
    return reached


def all_portals(world: World) -> Iterable[tuple[Zone, tuple[int, int], Portal]]:
    for zone in world.zones.values():
        for placed, portal in zone.placed(Portal):
            yield zone, (placed.x, placed.y), portal


def test_the_bundled_world_is_large_enough_for_a_crowd(bundled: World) -> None:
    assert len(bundled.zones) >= 25
    assert len({(zone.width, zone.height) for zone in bundled.zones.values()}) >= 8
    assert len({zone.title for zone in bundled.zones.values()}) == len(bundled.zones)


def test_the_bundled_world_begins_in_a_safe_town_with_room_to_arrive(bundled: World) -> None:
    town = bundled.zones[bundled.start]
    assert town.name == "town"
    assert is_safe(town)
    assert len(set(spawns(town))) == len(spawns(town)) >= 8


def test_bundled_safe_zones_are_few_and_empty_of_creatures_and_the_others_are_not(bundled: World) -> None:
    safe = [zone for zone in bundled.zones.values() if is_safe(zone)]
    assert 2 <= len(safe) <= len(bundled.zones) // 4
    assert not any(lairs(zone) for zone in safe)
    assert all(3 <= len(lairs(zone)) <= 8 for zone in bundled.zones.values() if not is_safe(zone))


def test_every_walkable_tile_of_a_bundled_zone_can_be_walked_to(bundled: World) -> None:
    for zone in bundled.drawn.values():
        tiles = {(x, y) for x in range(zone.width) for y in range(zone.height) if zone.walkable(x, y)}
        assert flooded(zone, spawns(zone)[0]) == tiles, zone.name


def test_every_bundled_zone_leads_back_to_the_start(bundled: World) -> None:
    for name in bundled.zones:
        reached, frontier = {name}, [name]
        while frontier:
            fresh = {portal.zone for _, portal in bundled.zones[frontier.pop()].placed(Portal)} - reached
            reached |= fresh
            frontier += fresh
        assert reached == set(bundled.zones)


def test_beside_every_bundled_arrival_a_portal_leads_back(bundled: World) -> None:
    for zone, at, portal in all_portals(bundled):
        there = bundled.zones[portal.zone]
        back = [home for tile in around(portal.x, portal.y) if (home := there.on(Portal, *tile))]
        assert any(home.zone == zone.name and (home.x, home.y) in around(*at) for home in back), (zone.name, at)


def test_bundled_creatures_have_unique_ids_and_every_kind_lives_somewhere(bundled: World) -> None:
    creatures = [one for zone in bundled.drawn.values() for one in zone.placed(Lair)]
    assert len({placed.id for placed, _ in creatures}) == len(creatures)
    assert {kind for _, lair in creatures for kind in lair.table.kinds} == set(KINDS)
    assert {one.id.rsplit(".", 1)[0] for one in lairs(bundled.zones["meadow"])} >= {"meadow.rat", "meadow.wolf"}


def test_nobody_arrives_in_sight_of_an_aggressive_creature(bundled: World) -> None:
    arrivals = {name: set(spawns(zone)) for name, zone in bundled.drawn.items()}
    for _, _, portal in all_portals(bundled):
        arrivals[portal.zone].add((portal.x, portal.y))
    for zone in bundled.drawn.values():
        for one, lair in zone.placed(Lair):
            nearest = min(max(abs(one.x - x), abs(one.y - y)) for x, y in arrivals[zone.name])
            sight = max((KINDS[kind].sight for kind in lair.table.kinds if KINDS[kind].aggressive), default=0)
            assert nearest > sight + (lair.table.number > 1), one.id  # the others of a lair stand beside the first


def test_the_bundled_maps_carry_what_tiled_wants_to_open_them() -> None:
    for path in BUNDLED.parent.glob("*.tmj"):
        drawn = json.loads(path.read_text())
        expected = {"type": "map", "renderorder": "right-down", "tilewidth": 16, "tileheight": 16, "infinite": False}
        assert {key: drawn[key] for key in expected} == expected
        assert drawn["version"]
        assert drawn["tiledversion"]
        ids = [one["id"] for layer in drawn["layers"] for one in layer.get("objects", ())]
        assert len(set(ids)) == len(ids)
        assert drawn["nextobjectid"] > max(ids)
        assert drawn["nextlayerid"] > max(layer["id"] for layer in drawn["layers"])
        (tileset,) = drawn["tilesets"]
        cells = {gid for layer in drawn["layers"] for gid in layer.get("data", ())}
        assert cells <= set(range(tileset["firstgid"] + tileset["tilecount"]))
        assert image_size(path.parent / tileset["image"]) == (tileset["imagewidth"], tileset["imageheight"])


def image_size(path: Path) -> tuple[int, int]:
    """Width and height as a PNG's header tells them."""
    header = path.read_bytes()[:24]
    assert header.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", header[16:24])
    return width, height


def test_every_bundled_map_is_in_the_world_and_none_overlap_in_the_editor() -> None:
    maps = json.loads(BUNDLED.read_text())["maps"]
    assert {one["fileName"] for one in maps} == {path.name for path in BUNDLED.parent.glob("*.tmj")}
    areas = [(one["x"], one["y"], one["x"] + one["width"], one["y"] + one["height"]) for one in maps]
    for i, (left, top, right, bottom) in enumerate(areas):
        for other in areas[i + 1 :]:
            assert right <= other[0] or other[2] <= left or bottom <= other[1] or other[3] <= top
