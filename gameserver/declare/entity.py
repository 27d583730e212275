"""Declaring entities: what a game keeps. Table, indexes, loading, locking and saving are computed from a declaration.

An entity is a frozen struct whose first field is ``id: str``; each field is a column. It stands in ``entities.py`` of
its module. The entities' order, modules in the order in which the game names them, is the order in which their rows are
locked.

A component is an entity of its own under the key of another, its owner: what a module keeps of a player, for one, of
which no other module needs to know. An owner and its components make a record: a batch loads and locks those parts of a
record that it needs, in one statement.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, get_type_hints

import msgspec
from msgspec.structs import replace

from gameserver.declare.field_conditions import Condition, Field, tests_of
from gameserver.declare.game_package import game, parts, place_in_game
from gameserver.declare.once_per_reading import once_per_reading
from gameserver.declare.options import wrong_types
from gameserver.declare.source_locations import caller, place_of_class
from gameserver.errors import Corrupt

TYPES = (str, int, bytes)
RESERVED = ("when", "look", "components")
ACTOR_FIELDS = ("session", "gateway", "conn", "marks")
NEWEST_MAX = 100_000  # rows: they are looked through when one is saved
KEPT_MS_MAX = 100 * 365 * 86_400_000
# Tables of the engine's own.
ENGINE_TABLES = frozenset({"outcomes", "outbox", "trials", "dead_letters", "unread", "facts", "alembic_version"})
NO_CONDITIONS: Mapping[str, Condition] = {}


class Index(msgspec.Struct, frozen=True):
    """An index on columns. ``name``: what follows the table's name in its name; ``when``: a condition's name."""

    columns: tuple[str, ...]
    name: str = ""
    when: str = ""


class Often(msgspec.Struct, frozen=True):
    """Fields that change together and often: they stand in a narrow table of their own, joined by id."""

    table: str
    fields: tuple[str, ...]


class Place(msgspec.Struct, frozen=True):
    """The fields that say where an entity is: a text and two numbers. ``when``: the condition under which it is there.

    With it ``rules.needs.near`` finds it.
    """

    zone: str
    x: str
    y: str
    when: str = ""


class Keep(msgspec.Struct, frozen=True):
    """What of an entity's rows is kept; the others are removed. ``by``: the field that holds their time.

    ``newest``: so many for each value of ``per``, which is seen to when one is saved. ``for_ms``: as long after ``by``,
    which the sweep sees to; it spares those that meet the condition ``unless``. ``along``: when the last entity of this
    kind with the same value of ``per`` is dropped, all with that value go.
    """

    by: str
    newest: int = 0
    per: str = ""
    for_ms: int = 0
    unless: str = ""
    along: type | None = None


class EntitySpec(msgspec.Struct, frozen=True, kw_only=True):
    """What an entity's declaration says; see ``entity``. ``types``: the fields in their order, with their types."""

    name: str
    table: str
    types: dict[str, type]
    indexes: tuple[Index, ...]
    often: Often | None
    conditions: dict[str, Condition]
    place: Place | None
    keep: Keep | None
    blind: str
    first_come: bool
    added: tuple[str, ...]
    big: tuple[str, ...]
    actor: bool
    session: bool
    sign_of_life: str
    of: type["Entity"] | None
    within: bool
    at: str

    @property
    def tables(self) -> dict[str, tuple[str, ...]]:
        """Which fields stand in which table, ``id`` in each of them."""
        often = self.often.fields if self.often else ()
        first = {self.table: tuple(name for name in self.types if name not in often)}
        return {**first, self.often.table: ("id", *often)} if self.often else first

    @property
    def all_conditions(self) -> Mapping[str, Condition]:
        """Its conditions and, of a component, its owner's."""
        return {**self.of.spec.conditions, **self.conditions} if self.of else self.conditions

    @property
    def all_types(self) -> Mapping[str, type]:
        """Its fields and, of a component, its owner's: what its conditions may be about."""
        return {**self.of.spec.types, **self.types} if self.of else self.types


class Entity(msgspec.Struct, frozen=True, gc=False):  # of texts and numbers no circle is made
    """Base of all entities. A subclass says ``frozen=True`` too, and its first field is ``id: str``."""

    spec: ClassVar[EntitySpec]

    if TYPE_CHECKING:

        @property
        def id(self) -> str: ...


# Every class that was declared, in the order of declaring.
DECLARED: list[type[Entity]] = []

E = TypeVar("E", bound=type[Entity])
T = TypeVar("T", bound=Entity)


def entity(
    *,
    table: str = "",
    indexes: tuple[str | tuple[str, ...] | Index, ...] = (),
    often: Often | None = None,
    conditions: Mapping[str, Condition] = NO_CONDITIONS,
    place: Place | None = None,
    keep: Keep | None = None,
    blind: str = "",
    first_come: bool = False,
    added: tuple[str, ...] = (),
    big: tuple[str, ...] = (),
    actor: bool = False,
    session: bool = False,
    sign_of_life: str = "",
    of: type[Entity] | None = None,
    within: bool = False,
) -> Callable[[E], E]:
    """Declare an entity. Raises ``Corrupt`` ``bad_declaration`` where the declaration contradicts itself.

    ``table``: its table's name (the class's in small letters, in the plural). ``indexes``: columns, or tuples of them,
    by which it is looked for. ``often``: see ``Often``. ``conditions``: conditions by name, for selections and indexes.
    ``place``: see ``Place``; ``keep``: see ``Keep``.

    ``blind``: why it is written whole without a look at what is there, and so read without a lock. ``first_come``: a
    new one never replaces one that is there. ``added``: fields that came when the table was in use: the database fills
    them with their default where a process of the version before inserts a row without them. ``big``: integers beside
    those named ``..._ms`` whose columns are called BIGINT on SQLite too.

    ``actor``: it is who sends events, and has the fields ``ACTOR_FIELDS``: ``gateway`` and ``conn`` say where it is
    connected ("" for not), ``marks`` holds its session's watermarks. ``session``: with it, outcomes are forgotten.
    ``sign_of_life``: the field with the time at which a process that serves players was last alive.

    ``of``: the entity whose component it is, under the same id. Each of its fields has a default: a component that is
    not there yet begins with them (``beginning``), so that a module can be added to a world that is played. Its
    conditions, and selections of it, may name conditions and fields of its owner too. ``within``: its fields stand in
    its owner's rows (``often``: in the table of that name that the owner has), where both change together; then it is
    made together with its owner, and needs no defaults. Selections of it may name the fields of all that stands there.
    """
    at = caller()

    def declare(cls: E) -> E:
        cls.spec = spec = EntitySpec(
            name=cls.__name__,
            table=table or (of.spec.table if of and within else _plural(cls.__name__)),
            types=_types(cls),
            indexes=tuple(map(_index, indexes)),
            often=often,
            conditions=dict(conditions),
            place=place,
            keep=keep,
            blind=blind,
            first_come=first_come,
            added=added,
            big=big,
            actor=actor,
            session=session,
            sign_of_life=sign_of_life,
            of=of,
            within=within,
            at=at,
        )
        _refuse(spec, wrong_types(spec))
        _refuse(spec, _contradictions(spec, cls))
        DECLARED.append(cls)
        return cls

    return declare


def _refuse(spec: EntitySpec, faults: Mapping[str, bool]) -> None:
    for fault, true in faults.items():
        if true:
            raise Corrupt("bad_declaration", f"{spec.at}: {spec.name}: {fault}.")


def _plural(name: str) -> str:
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    return f"{snake[:-1]}ies" if re.search(r"[^aeiou]y$", snake) else f"{snake}s"


def _types(cls: type[Entity]) -> dict[str, type]:
    hints = get_type_hints(cls)
    return {name: hints[name] for name in cls.__struct_fields__}


def _index(declared: str | tuple[str, ...] | Index) -> Index:
    if isinstance(declared, Index):
        return declared
    return Index((declared,) if isinstance(declared, str) else declared)


def _contradictions(spec: EntitySpec, cls: type[Entity]) -> dict[str, bool]:
    types = spec.types
    return {
        "a docstring says what it is": not cls.__doc__,
        "it must be frozen: class ...(Entity, frozen=True)": not cls.__struct_config__.frozen,
        "its first field must be id: str": next(iter(types.items()), None) != ("id", str),
        **{
            f"{name} is {_shown(type_)}, and a field is str, int or bytes": type_ not in TYPES
            for name, type_ in types.items()
        },
        **{f"a field can't be called {name}: selections take that": name in types for name in RESERVED},
        **{f"{name} is no field of it": True for name in _named(spec) if name not in types},
        **{f"{name} is no field of it": True for name in _tested(spec) if name not in spec.all_types},
        **{f"{name} is no condition of it": True for name in _whens(spec) if name not in spec.all_conditions},
        **{f"the engine has a table {name} of its own": name in ENGINE_TABLES for name in spec.tables},
        "often names its own table again": spec.often is not None and spec.often.table == spec.table,
        "often can't hold the id": spec.often is not None and "id" in spec.often.fields,
        "a place is a text and two numbers": spec.place is not None and _kinds_of_place(spec) != [str, int, int],
        "newest needs per": spec.keep is not None and spec.keep.newest > 0 and not spec.keep.per,
        f"newest is 0 to {NEWEST_MAX}": spec.keep is not None and not 0 <= spec.keep.newest <= NEWEST_MAX,
        f"for_ms is 0 to {KEPT_MS_MAX}": spec.keep is not None and not 0 <= spec.keep.for_ms <= KEPT_MS_MAX,
        "along needs per": spec.keep is not None and spec.keep.along is not None and not spec.keep.per,
        "what is written blind can't be an actor": bool(spec.blind) and spec.actor,
        **{f"an actor has a text {name}": types.get(name) is not str for name in ACTOR_FIELDS if spec.actor},
        **{f"{name} was added and needs a default": name not in _defaults(cls) for name in spec.added if name in types},
        **{f"the default of {name} must be {_shown(types[name])}": True for name in _wrong_defaults(cls, types)},
        **{f"an index can't reach {name}, which changes often": True for name in _out_of_reach(spec)},
        **_contradictions_of_a_component(spec, cls),
    }


def _contradictions_of_a_component(spec: EntitySpec, cls: type[Entity]) -> dict[str, bool]:
    owner = spec.of.spec if spec.of else None
    if owner is None:
        return {"what stands within its owner's rows needs an owner: of=...": spec.within}
    own = [name for name in spec.types if name != "id"]
    tables = [owner.table, *([owner.often.table] if owner.often else [])]
    return {
        f"{owner.name} is a component itself": owner.of is not None,
        "a component is no actor and no session, and is kept and written as its owner is": bool(
            spec.actor or spec.session or spec.blind or spec.first_come or spec.keep
        ),
        **{f"{name} needs a default": not spec.within and name not in _defaults(cls) for name in own},
        **{f"{owner.name} has a field {name} in the same row": spec.within and name in owner.types for name in own},
        **{f"{owner.name} has no table {name}": spec.within and name not in tables for name in spec.tables},
    }


def _shown(type_: Any) -> str:
    return getattr(type_, "__name__", str(type_))


def _named(spec: EntitySpec) -> list[str]:
    """The fields that a declaration names."""
    place, keep = spec.place, spec.keep
    named = [
        *(name for index in spec.indexes for name in index.columns),
        *(spec.often.fields if spec.often else ()),
        *((place.zone, place.x, place.y) if place else ()),
        *((keep.by, keep.per) if keep else ()),
        *spec.added,
        *spec.big,
        spec.sign_of_life,
    ]
    return [name for name in dict.fromkeys(named) if name]


def _tested(spec: EntitySpec) -> list[str]:
    """The fields that its conditions are about."""
    tests = [test for condition in spec.conditions.values() for test in tests_of(condition)]
    compared = [test.value.name for test in tests if isinstance(test.value, Field)]
    return list(dict.fromkeys([*(test.field for test in tests), *compared]))


def _whens(spec: EntitySpec) -> list[str]:
    whens = [index.when for index in spec.indexes]
    whens += [spec.place.when] if spec.place else []
    whens += [spec.keep.unless] if spec.keep else []
    return [name for name in dict.fromkeys(whens) if name]


def _kinds_of_place(spec: EntitySpec) -> list[type | None]:
    return [spec.types.get(name) for name in (spec.place.zone, spec.place.x, spec.place.y)] if spec.place else []


def _out_of_reach(spec: EntitySpec) -> list[str]:
    often = spec.often.fields if spec.often else ()
    return [name for index in spec.indexes for name in index.columns if name in often]


def _wrong_defaults(cls: type[Entity], types: Mapping[str, type]) -> list[str]:
    return [name for name in _defaults(cls) if type(default_of(cls, name)) is not types[name]]


def _defaults(cls: type[Entity]) -> list[str]:
    names = cls.__struct_fields__
    return list(names[len(names) - len(cls.__struct_defaults__) :])


def _wrong_values(thing: Entity) -> Iterator[str]:
    for name, type_ in thing.spec.types.items():
        if type(getattr(thing, name)) is not type_:
            yield f"{name} is {getattr(thing, name)!r:.40}, and must be {_shown(type_)}"


def default_of(kind: type[Entity], field: str) -> Any:
    """The default of a field that has one."""
    return dict(zip(reversed(kind.__struct_fields__), reversed(kind.__struct_defaults__), strict=False))[field]


@once_per_reading
def kinds() -> tuple[type[Entity], ...]:
    """The game's entities, in the order in which they are locked.

    Raises ``Corrupt``: ``bad_module``, ``one_name_twice`` where two have one name or table, ``bad_game`` where there is
    not one actor, or a component without its owner.
    """
    modules = [module.__name__ for module in parts("entities")]
    found = sorted((kind for kind in DECLARED if kind.__module__ in modules), key=lambda k: modules.index(k.__module__))
    refuse_doubles(found)
    for module in parts("entities"):
        _refuse_undeclared(module)
    for spec in (kind.spec for kind in found):
        if spec.of is not None and spec.of not in found:
            raise Corrupt(
                "bad_game",
                f"{spec.at}: {spec.name} is a component of {spec.of.__name__}, which this game does not have.",
            )
    return tuple(found)


def _refuse_undeclared(module: ModuleType) -> None:
    for cls in vars(module).values():
        mine = isinstance(cls, type) and issubclass(cls, Entity) and cls.__module__ == module.__name__
        if mine and "spec" not in vars(cls):
            raise Corrupt("bad_declaration", f"{place_of_class(cls)}: {cls.__name__} is not declared with @entity().")


def refuse_doubles(found: list[type[Entity]]) -> None:
    """Raise ``Corrupt`` ``one_name_twice`` where two entities have one name or one table."""
    known: dict[str, str] = {}
    for spec in (kind.spec for kind in found):
        tables = () if spec.within else spec.tables
        for name in (f"the name {spec.name}", *(f"the table {table}" for table in tables), *_columns_within(spec)):
            first = known.setdefault(name, spec.at)
            if first != spec.at:
                raise Corrupt("one_name_twice", f"Two entities have {name}: {first} and {spec.at}; rename one.")


def _columns_within(spec: EntitySpec) -> list[str]:
    return [f"the column {spec.table}.{name}" for name in spec.types if spec.within and name != "id"]


@once_per_reading
def record(owner: type[Entity]) -> tuple[type[Entity], ...]:
    """An entity and its components, in the order in which their rows are locked."""
    return (owner, *(kind for kind in kinds() if kind.spec.of is owner))


@once_per_reading
def records() -> tuple[tuple[type[Entity], ...], ...]:
    """All of them, in the order in which they are locked."""
    return tuple(record(kind) for kind in kinds() if kind.spec.of is None)


@once_per_reading
def sharing(kind: type[Entity]) -> tuple[type[Entity], ...]:
    """The entities that stand in the same rows as one: its owner and what is declared ``within``, or itself alone."""
    owner = kind.spec.of if kind.spec.within else kind
    return (kind,) if owner is None else (owner, *(other for other in record(owner)[1:] if other.spec.within))


@once_per_reading
def types_beside(kind: type[Entity]) -> Mapping[str, type]:
    """The fields by which a component may be selected: its owner's, those that stand in the same rows, and its own."""
    beside = {name: type_ for other in sharing(kind) for name, type_ in other.spec.types.items()}
    return {**kind.spec.all_types, **(beside if kind.spec.within else {}), **kind.spec.types}


@once_per_reading
def stands_apart(kind: type[Entity]) -> bool:
    """Whether it is a component with a table of its own, in which its row may be missing."""
    return kind.spec.of is not None and not kind.spec.within


def are_entities(given: Any) -> bool:
    """Whether this is a tuple of declared entities."""
    return isinstance(given, tuple) and all(hasattr(kind, "spec") for kind in given)


def strangers(components: Iterable[type[Entity]]) -> Iterator[str]:
    """Say which of these are no components of whoever sends events."""
    for kind in components:
        if kind not in record(actor_kind()):
            yield f"{kind.__name__} is no component of {actor_kind().__name__} in this game"


@once_per_reading
def components_apart() -> dict[type[Entity], tuple[type[Entity], ...]]:
    """The components that have rows of their own, by their owners."""
    found = {whole[0]: tuple(filter(stands_apart, whole)) for whole in records()}
    return {owner: components for owner, components in found.items() if components}


@once_per_reading
def begun() -> dict[type[Entity], Entity]:
    """What the game says of how components begin. Raises ``Corrupt`` ``bad_game`` for what is no component of it."""
    found: dict[type[Entity], Entity] = {}
    for thing in game().begins:
        if not isinstance(thing, Entity) or type(thing) not in kinds() or thing.spec.of is None:
            fault = f"{thing!r:.80}, which is no component of this game"
            raise Corrupt("bad_game", f"{place_in_game('begins')}: begins names {fault}.")
        for fault in _wrong_values(thing):
            raise Corrupt("bad_game", f"{place_in_game('begins')}: begins: {type(thing).__name__}: {fault}.")
        if type(thing) in found:
            fault = f"{type(thing).__name__} twice: one of them would count"
            raise Corrupt("bad_game", f"{place_in_game('begins')}: begins names {fault}.")
        found[type(thing)] = thing
    return found


def beginning(kind: type[T], id_: str) -> T:
    """Return a component as it begins: as the game says, or else with the defaults of its fields."""
    said: Any = begun().get(kind)
    made: T = kind(id=id_) if said is None else replace(said, id=id_)
    return made


@once_per_reading
def actor_kind() -> Any:
    """The entity that sends events. Raises ``Corrupt`` ``bad_game`` where the game has not one."""
    found = [kind for kind in kinds() if kind.spec.actor]
    if len(found) != 1:
        at = ", ".join(kind.spec.at for kind in found) or place_in_game("modules")
        raise Corrupt("bad_game", f"{at}: a game has one entity with actor=True, and here are {len(found)}.")
    return found[0]
