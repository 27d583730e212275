"""Objects on maps that a game's modules declare, and the kinds of creatures that it has."""

import json
from pathlib import Path
from types import ModuleType

import pytest

from gameserver.errors import Corrupt
from gameserver.maps import objects, world
from gameserver.maps.data_files import read_records
from gameserver.maps.objects import MapObject, MapProperties, Placed, Zone
from gameserver.modules.combat.creature_kinds import Kind
from tests.unit.maps.test_world import Files, custom, thing

SPOONS = ("silver", "wooden")


class Chest(MapObject, frozen=True):
    loot: str
    coins: int = 0

    def problem(self) -> str:
        return "" if self.loot in SPOONS else f"holds {self.loot!r}, which is no spoon"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Files:
    known = objects.object_classes()
    monkeypatch.setattr(world, "object_classes", lambda: {**known, "chest": Chest})
    return Files(tmp_path)


def test_an_object_that_a_module_declares_stands_on_the_map_with_its_properties(files: Files) -> None:
    files.field["layers"][2]["objects"].append(thing(9, "chest", 2, 2, loot="silver", coins=3))
    placed = Placed(id="field.chest.9", x=2, y=2, what=Chest(loot="silver", coins=3))
    world = files.load()
    assert world.zones["field"].placed(Chest) == [(placed, placed.what)]
    assert world.zones["home"].placed(Chest) == []


@pytest.mark.parametrize(
    ("at", "properties", "sentence"),
    [
        ((2, 2), {"loot": 3}, r"properties of object 9 \(chest\): .*`str`.*loot"),
        ((2, 2), {"loot": "silver", "colour": "red"}, r"properties of object 9 \(chest\): .*colour"),
        ((2, 2), {"loot": "fork"}, r"object 9 \(chest\) holds 'fork', which is no spoon"),
        ((3, 1), {"loot": "silver"}, r"field.chest.9 stands in a wall or outside, at \(3, 1\)"),
    ],
)
def test_what_is_wrong_with_one_is_said_with_its_file_and_number(
    at: tuple[int, int], properties: dict[str, object], sentence: str, files: Files
) -> None:
    files.field["layers"][2]["objects"].append(thing(9, "chest", *at, **properties))
    with pytest.raises(Corrupt, match=rf"field\.tmj.*{sentence}") as fault:
        files.load()
    assert fault.value.code == "bad_world"


def test_a_class_that_nobody_declares_is_refused_with_those_there_are(files: Files) -> None:
    files.field["layers"][2]["objects"].append(thing(9, "barrel", 2, 2))
    with pytest.raises(Corrupt, match="object 9 has class 'barrel', expected one of spawn, portal, creature, "):
        files.load()


def declaring(name: str, *classes: type[MapObject]) -> ModuleType:
    module = ModuleType(name)
    for cls in classes:
        cls.__module__ = name
        setattr(module, cls.__qualname__, cls)
    return module


def declared(name: str) -> type[MapObject]:
    return type(name, (MapObject,), {}, frozen=True)  # type: ignore[call-arg, return-value]


@pytest.mark.parametrize(
    ("first", "second", "sentence"),
    [("Barrel", "Barrel", "Two classes of map objects have the name barrel")],
)
def test_names_are_taken_once(first: str, second: str, sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    modules = [declaring("one.maps", declared(first)), declaring("two.maps", declared(second))]
    monkeypatch.setattr(objects, "parts", lambda part: modules)
    with pytest.raises(Corrupt, match=sentence) as fault:
        objects.object_classes.__wrapped__()
    assert fault.value.code == "bad_declaration"


RAT = {"name": "rat", "title": "Rat", "hp_max": 1, "attack": 1, "defence": 0, "reach": 1, "sight": 2, "xp": 1}
RAT |= {"aggressive": False, "act_every_ms": 1000, "respawn_s": 1}


@pytest.mark.parametrize(
    ("kinds", "sentence"),
    [
        ([{**RAT, "hp_max": "many"}], r"creatures\.json:1: rat: .*hp_max"),
        ([{**RAT, "colour": "red"}], r"creatures\.json:1: rat: .*colour"),
        ([RAT, {**RAT, "title": "Another"}], r"creatures\.json:1: two records have the name 'rat'"),
        ([{**RAT, "name": "big.rat"}], r"creatures\.json:1: big\.rat: name: it must match"),
    ],
)
def test_a_kind_that_is_wrong_is_named_with_its_file(kinds: list[object], sentence: str, tmp_path: Path) -> None:
    (tmp_path / "creatures.json").write_text(json.dumps(kinds))
    with pytest.raises(Corrupt, match=sentence) as fault:
        read_records(tmp_path / "creatures.json", Kind)
    assert fault.value.code == "bad_world"


def test_a_file_of_kinds_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Corrupt, match=r"none\.json: can't be read"):
        read_records(tmp_path / "none.json", Kind)


class Weather(MapProperties, frozen=True):
    rain: int = 0


class Sky(MapProperties, frozen=True):
    rain: int = 1


class Bare(MapProperties, frozen=True):
    snow: int


def test_what_a_map_says_of_itself_modules_declare(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world, "property_classes", lambda: (Weather,))
    files.home["properties"] = custom(title="Home", start=True, rain=3)
    loaded = files.load()
    assert loaded.zones["home"].described(Weather) == Weather(rain=3)
    assert loaded.zones["field"].described(Weather) == Weather()
    files.home["properties"] += custom(safe=True)
    files.refused("home.tmj", "properties of the map")  # this game has no combat


@pytest.mark.parametrize(
    ("classes", "sentence"), [((Weather, Sky), r"the property rain is one of \S+ too"), ((Bare,), "needs a default")]
)
def test_a_property_is_declared_once_and_has_a_default(
    classes: tuple[type[MapProperties], ...], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "_declared", lambda base: list(classes))
    with pytest.raises(Corrupt, match=sentence) as fault:
        objects.property_classes.__wrapped__()
    assert fault.value.code == "bad_declaration"


def test_what_stands_on_a_tile_is_found_at_once() -> None:
    chest = Chest(loot="silver")
    zone = Zone(name="z", title="Z", width=3, height=3, objects=(Placed("z.chest.1", 1, 2, chest),))
    assert (zone.on(Chest, 1, 2), zone.on(Chest, 2, 1), zone.on(MapObject, 1, 2)) == (chest, None, chest)


class Glade(MapObject, frozen=True):
    def around(self) -> int:
        return 1


def test_what_reaches_farther_than_its_tile_is_found_there_and_what_stands_on_a_tile_before_it_is_found_too() -> None:
    objects = (Placed("z.glade.1", 2, 2, Glade()), Placed("z.chest.2", 1, 1, Chest(loot="silver")))
    zone = Zone(name="z", title="Z", width=5, height=5, objects=objects)
    assert {(x, y) for x in range(5) for y in range(5) if zone.on(Glade, x, y)} == {
        (x, y) for x in (1, 2, 3) for y in (1, 2, 3)
    }
    assert zone.on(Chest, 1, 1) is not None
    assert zone.on(Chest, 2, 2) is None
