from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gameserver.errors import NotNow, Rejected
from gameserver.modules.combat.entities import Strength
from gameserver.modules.combat.events import Attack, Reward, Slain
from gameserver.modules.items import kinds
from gameserver.modules.items.entities import Item
from gameserver.modules.items.events import (
    Armed,
    Broke,
    Carried,
    Drop,
    Equip,
    Examine,
    Fetch,
    GiveItem,
    Ground,
    Handed,
    Inside,
    Inventory,
    Laid,
    Lifted,
    Rot,
    Rummage,
    Split,
    Stow,
    Take,
    Unequip,
    Use,
)
from gameserver.modules.items.ground import LIES_MS, loot_ids
from gameserver.modules.items.kinds import KINDS, STACK_MAX, Drops
from gameserver.modules.items.kinds import Drop as DropOf
from gameserver.modules.items.rules import strength
from gameserver.modules.items.tests.worlds import on_ground, thing
from gameserver.modules.items.things import CARRIED_MAX, held, received, taken
from gameserver.modules.movement.events import Look
from gameserver.testing.two_zones import NOW_MS, absent, circumstances, creature, fold, play, player, state, told
from gameserver.wire.codecs import json_codec
from gameserver.wire.errors import PacketFault

ADA, BOB = player(), player("Bob", x=13)
SWORD, HAT = thing("sword"), thing("hat", "leather_cap")
APPLES = thing("apples", "apple", count=7)
BAG = thing("bag", "pouch")
MANY = [thing(f"stone{n}", "stick") for n in range(CARRIED_MAX)]


def played(event: Any, *things: Any, who: Any = ADA, **changes: Any) -> Any:
    return play(event, state(who, *things), circumstances(who, **changes))


def refusal(event: Any, *things: Any, who: Any = ADA) -> str:
    """The code of a refusal; of a rule that is refused nothing changes (``play`` sees to it)."""
    with pytest.raises(Rejected) as refused:
        played(event, *things, who=who)
    assert refused.value.message
    return refused.value.code


def item(outcome: Any, id_: str) -> Item:
    (found,) = [thing for thing in outcome.put if isinstance(thing, Item) and thing.id == id_]
    return found


# Taking and dropping.


def test_of_two_who_take_a_thing_one_gets_it_and_the_other_is_told() -> None:
    scene = state(ADA, BOB, on_ground("sword"))
    first = play(Take(thing="sword"), scene, circumstances(BOB))
    assert item(first, "sword").holder == "bob"
    assert told(first) == [Lifted(thing="sword", v=1)]
    fold(scene, first)
    with pytest.raises(Rejected, match="taken"):
        play(Take(thing="sword"), scene, circumstances(ADA))


def test_what_is_dropped_lies_there_for_a_while_and_is_seen() -> None:
    outcome = played(Drop(thing="sword"), SWORD)
    lies = item(outcome, "sword")
    assert (lies.holder, lies.zone, lies.x, lies.y) == ("", "meadow", 12, 10)
    (notice,) = told(outcome)
    assert isinstance(notice, Laid)
    assert (notice.thing.id, notice.thing.x) == ("sword", 12)
    scene = state(ADA, lies)
    assert play(Rot(n=1), scene, circumstances(now_ms=NOW_MS + LIES_MS - 1)).drop == ()
    rotten = play(Rot(n=1), scene, circumstances(now_ms=NOW_MS + LIES_MS))
    assert (rotten.drop, told(rotten)) == ((lies,), [Lifted(thing="sword", v=2)])


def test_a_container_lies_for_ever_or_what_is_in_it_would_be_lost() -> None:
    lies = item(played(Drop(thing="bag"), BAG, thing("apples", "apple", "in:bag", count=3)), "bag")
    assert play(Rot(n=1), state(lies), circumstances(now_ms=2**60)).drop == ()


def test_an_empty_container_rots_like_anything_else() -> None:
    lies = item(played(Drop(thing="bag"), BAG, APPLES), "bag")
    assert play(Rot(n=1), state(lies), circumstances(now_ms=NOW_MS + LIES_MS)).drop == (lies,)


def test_a_container_that_a_creature_drops_rots(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(kinds.DROPS, "rat", Drops(name="rat", drops=[DropOf("sack", 1_000)]))
    slain = played(Slain(kind="rat", zone="meadow", x=13, y=10))
    (sack,) = [thing for thing in slain.put if isinstance(thing, Item)]
    assert kinds.KINDS["sack"].holds
    assert play(Rot(n=1), state(sack), circumstances(now_ms=NOW_MS + LIES_MS)).drop == (sack,)


def test_a_container_is_not_used_up_whatever_the_data_says(monkeypatch: pytest.MonkeyPatch) -> None:
    flask = replace(kinds.KINDS["pouch"], name="flask", heals=5)
    monkeypatch.setitem(kinds.KINDS, "flask", flask)
    full = thing("f", "flask"), thing("apples", "apple", "in:f", count=3)
    with pytest.raises(Rejected, match="holds_things"):
        played(Use(thing="f"), *full, who=replace(ADA, hp=50))


def test_what_lies_in_view_is_told_to_who_looks_and_nothing_else() -> None:
    far = on_ground("far", x=30, y=19)
    outcome = played(Look(), on_ground("sword"), far, thing("mine"), BOB)
    (ground,) = [notice for notice in told(outcome) if isinstance(notice, Ground)]
    assert [lying.id for lying in ground.things] == ["sword"]
    assert not [notice for notice in told(played(Look(), far)) if isinstance(notice, Ground)]


def test_stacks_are_filled_before_a_new_one_begins() -> None:
    lies = on_ground("more", "apple", count=15)
    outcome = played(Take(thing="more"), lies, APPLES)
    assert (item(outcome, "apples").count, item(outcome, "more").count) == (20, 2)
    joined = played(Take(thing="more"), replace(lies, count=13), APPLES)
    assert joined.drop == (replace(lies, count=13),)
    assert joined.result.gone


# Wearing and using.


def test_what_is_worn_strengthens_and_what_was_worn_is_carried_again() -> None:
    axe = thing("axe", "axe", "worn:ada")
    armed = replace(ADA, attack=14)
    outcome = played(Equip(thing="sword"), axe, SWORD, who=armed)
    assert (item(outcome, "sword").holder, item(outcome, "axe").holder) == ("worn:ada", "ada")
    assert outcome.result == Armed(thing=outcome.result.thing, attack=15, defence=2)
    off = played(Unequip(thing="axe"), axe, who=armed)
    assert (off.result.attack, item(off, "axe").holder) == (10, "ada")


def test_a_weapon_whose_kind_was_changed_while_it_was_worn_leaves_no_strength_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scene = state(ADA, SWORD)
    fold(scene, play(Equip(thing="sword"), scene, circumstances(ADA)))
    monkeypatch.setitem(kinds.KINDS, SWORD.kind, replace(kinds.KINDS[SWORD.kind], attack=1))
    fold(scene, play(Unequip(thing="sword"), scene, circumstances(ADA)))
    assert (scene.of(Strength)["ada"].attack, scene.of(Strength)["ada"].defence) == (10, 2)


def test_experience_and_a_weapon_add_up() -> None:
    strong = replace(ADA, attack=15, xp=90)
    outcome = play(Reward(player="ada", xp=20, slain="rat"), state(strong), circumstances())
    assert [thing.attack for thing in outcome.put if isinstance(thing, Strength)] == [16]


def test_food_heals_and_one_piece_is_gone() -> None:
    hurt = replace(ADA, hp=50)
    outcome = played(Use(thing="apples"), APPLES, who=hurt)
    assert (item(outcome, "apples").count, outcome.result.hp) == (6, 54)
    last = replace(APPLES, count=1)
    assert played(Use(thing="apples"), last, who=hurt).drop == (last,)


def test_a_thing_that_lasts_for_so_many_uses_is_gone_with_the_last() -> None:
    hurt, salve = replace(ADA, hp=50), thing("salve", "salve", used=3)
    assert item(played(Use(thing="salve"), salve, who=hurt), "salve").used == 4
    assert played(Use(thing="salve"), replace(salve, used=4), who=hurt).drop == (replace(salve, used=4),)


def test_a_weapon_wears_out_and_takes_its_strength_along() -> None:
    scene = creature(), replace(ADA, attack=15), thing("sword", holder="worn:ada", used=498)
    outcome = play(Attack(target="meadow.rat.1"), state(*scene), circumstances(ADA))
    assert item(outcome, "sword").used == 499
    worn_out = replace(scene[2], used=499)
    outcome = play(Attack(target="meadow.rat.1"), state(*scene[:2], worn_out), circumstances(ADA))
    assert outcome.drop == (worn_out,)
    assert [body.attack for body in outcome.put if isinstance(body, Strength)] == [10]
    (broke,) = [notice for notice in told(outcome) if isinstance(notice, Broke)]
    assert broke.attack == 10


def test_a_dead_creature_leaves_what_its_table_says_and_the_same_dice_the_same() -> None:
    died = Slain(kind="rat", zone="meadow", x=13, y=10)
    outcomes = [play(died, state(ADA), circumstances(id=f"e{n}")) for n in range(4)]
    left = [[thing for thing in outcome.put if isinstance(thing, Item)] for outcome in outcomes]
    assert [thing.kind for thing in left[0]] == [thing.kind for thing in left[1]]
    assert {thing.kind for things in left for thing in things} <= {"rat_tail", "bread"}
    assert [thing.id for thing in left[2]] == list(loot_ids("e2"))[: len(left[2])]
    assert {(thing.zone, thing.x, thing.y) for things in left for thing in things} == {("meadow", 13, 10)}
    assert len([notice for notice in told(outcomes[0]) if isinstance(notice, Laid)]) == len(left[0])
    assert not [thing for thing in played(Attack(target="meadow.rat.1"), creature()).put if isinstance(thing, Item)]


# Bags, splitting, handing over.


def test_what_is_in_a_bag_goes_where_the_bag_goes() -> None:
    scene = state(ADA, BOB, BAG, APPLES)
    fold(scene, play(Stow(thing="apples", into="bag"), scene, circumstances(ADA)))
    fold(scene, play(GiveItem(thing="bag", to="Bob"), scene, circumstances(ADA)))
    assert play(Rummage(thing="bag"), scene, circumstances(BOB)).result.things[0].id == "apples"
    with pytest.raises(Rejected, match="not_yours"):
        play(Fetch(thing="apples", out_of="bag"), scene, circumstances(ADA))
    fold(scene, play(Fetch(thing="apples", out_of="bag"), scene, circumstances(BOB)))
    assert held(scene, "bob") == [scene.of(Item)["apples"], scene.of(Item)["bag"]]


def test_a_stack_is_parted_and_nothing_is_made() -> None:
    outcome = played(Split(thing="apples", count=3), APPLES)
    assert (item(outcome, "apples").count, item(outcome, "e1").count) == (4, 3)


def test_who_is_handed_a_thing_is_told() -> None:
    outcome = played(GiveItem(thing="sword", to="Bob"), SWORD, BOB)
    assert item(outcome, "sword").holder == "bob"
    assert isinstance(told(outcome)[0], Handed)
    assert outcome.notifications[0].player == "bob"


def test_one_may_ask_what_one_has_and_what_it_is() -> None:
    worn = thing("hat", "leather_cap", "worn:ada")
    result = played(Inventory(), APPLES, worn).result
    assert isinstance(result, Carried)
    assert ([t.id for t in result.things], [t.id for t in result.worn]) == (["apples"], ["hat"])
    assert played(Examine(thing="hat"), worn).result.defence == 1
    assert played(Rummage(thing="bag"), BAG, thing("x", "apple", "in:bag")).result == Inside(
        things=[played(Examine(thing="x"), thing("x", "apple")).result.thing]
    )


FAR, DEAD, GONE = player("Bob", zone="town"), replace(BOB, dead_until_ms=9), absent(BOB)
REFUSED: dict[str, tuple[str, Any, list[Any]]] = {
    "take what is not there": ("no_such_thing", Take(thing="sword"), []),
    "take what somebody has": ("taken", Take(thing="sword"), [thing("sword", holder="bob")]),
    "take what somebody wears": ("taken", Take(thing="sword"), [thing("sword", holder="worn:bob")]),
    "take from afar": ("out_of_reach", Take(thing="sword"), [on_ground("sword", x=20)]),
    "take from elsewhere": ("out_of_reach", Take(thing="sword"), [on_ground("sword", zone="town")]),
    "take too much": ("too_many_things", Take(thing="sword"), [on_ground("sword"), *MANY]),
    "drop another's": ("not_yours", Drop(thing="sword"), [thing("sword", holder="bob")]),
    "drop what lies": ("not_yours", Drop(thing="sword"), [on_ground("sword")]),
    "drop what one wears": ("not_yours", Drop(thing="sword"), [thing("sword", holder="worn:ada")]),
    "use another's": ("not_yours", Use(thing="apples"), [replace(APPLES, holder="bob")]),
    "eat a sword": ("useless", Use(thing="sword"), [SWORD]),
    "eat when well": ("unhurt", Use(thing="apples"), [APPLES]),
    "wear an apple": ("not_wearable", Equip(thing="apples"), [APPLES]),
    "wear another's": ("not_yours", Equip(thing="sword"), [thing("sword", holder="bob")]),
    "take off what is not worn": ("no_such_thing", Unequip(thing="sword"), [SWORD]),
    "take off another's": ("no_such_thing", Unequip(thing="sword"), [thing("sword", holder="worn:bob")]),
    "take off with full hands": ("too_many_things", Unequip(thing="sword"), [thing("sword", holder="worn:ada"), *MANY]),
    "split all of it": ("too_few_things", Split(thing="apples", count=7), [APPLES]),
    "split a sword": ("too_few_things", Split(thing="sword", count=1), [SWORD]),
    "split with full hands": ("too_many_things", Split(thing="apples", count=1), [APPLES, *MANY[1:]]),
    "split another's": ("not_yours", Split(thing="apples", count=1), [replace(APPLES, holder="bob")]),
    "hand to nobody": ("no_such_player", GiveItem(thing="sword", to="Bob"), [SWORD]),
    "hand to oneself": ("no_such_player", GiveItem(thing="sword", to="ADA"), [SWORD]),
    "hand to who is elsewhere": ("out_of_reach", GiveItem(thing="sword", to="Bob"), [SWORD, FAR]),
    "hand to who is dead": ("not_alive", GiveItem(thing="sword", to="Bob"), [SWORD, DEAD]),
    "hand to who is offline": ("offline", GiveItem(thing="sword", to="Bob"), [SWORD, GONE]),
    "hand over another's": ("not_yours", GiveItem(thing="sword", to="Bob"), [thing("sword", holder="bob"), BOB]),
    "hand to who has full hands": (
        "too_many_things",
        GiveItem(thing="sword", to="Bob"),
        [SWORD, BOB, *(replace(stone, holder="bob") for stone in MANY)],
    ),
    "stow into a sword": ("no_container", Stow(thing="apples", into="sword"), [APPLES, SWORD]),
    "stow a bag into itself": ("holds_things", Stow(thing="bag", into="bag"), [BAG]),
    "stow a bag into a bag": ("holds_things", Stow(thing="bag", into="other"), [BAG, thing("other", "pouch")]),
    "stow into another's": ("not_yours", Stow(thing="apples", into="bag"), [APPLES, replace(BAG, holder="bob")]),
    "stow too much": (
        "too_many_things",
        Stow(thing="sword", into="bag"),
        [SWORD, BAG, *(thing(f"h{n}", "stick", "in:bag") for n in range(6))],
    ),
    "fetch what is not in it": ("no_such_thing", Fetch(thing="apples", out_of="bag"), [APPLES, BAG]),
    "look at another's": ("no_such_thing", Examine(thing="sword"), [thing("sword", holder="bob")]),
    "look from afar": ("out_of_reach", Examine(thing="sword"), [on_ground("sword", x=30)]),
    "look into another's": ("not_yours", Rummage(thing="bag"), [replace(BAG, holder="bob")]),
}


@pytest.mark.parametrize("deed", REFUSED)
def test_bad_input_has_a_code_and_a_sentence_and_changes_nothing(deed: str) -> None:
    code, event, things = REFUSED[deed]
    assert refusal(event, *things) == code


OWN = {Take: "sword", Drop: "sword", Use: "apples", Equip: "sword", Unequip: "sword"}
ACTS = [*(kind(thing=id_) for kind, id_ in OWN.items()), Split(thing="apples", count=1)]
ACTS += [GiveItem(thing="sword", to="Bob"), Stow(thing="apples", into="bag"), Fetch(thing="x", out_of="bag")]


@pytest.mark.parametrize("event", ACTS, ids=lambda event: event.spec.name)
def test_the_dead_and_the_absent_handle_nothing(event: Any) -> None:
    scene = SWORD, APPLES, BAG, BOB
    assert refusal(event, *scene, who=replace(ADA, dead_until_ms=9)) == "dead"
    with pytest.raises(NotNow, match="not_here"):
        played(event, *scene, who=absent(ADA))


@pytest.mark.parametrize("count", [0, -1, 2**63, STACK_MAX + 1, "3", 1.5])
def test_a_count_that_is_none_never_reaches_a_rule(count: Any) -> None:
    packet = b'{"type":"split","seq":1,"thing":"apples","count":%s}' % repr(count).replace("'", '"').encode()
    with pytest.raises(PacketFault) as refused:
        json_codec().decode(packet, 8)
    assert refused.value.code == "bad_field"


# Whatever is done in whatever order.

IDS = st.sampled_from(["sword", "hat", "apples", "more", "bag", "salve", "e1", "e2", "e3", "nothing"])
DEEDS = st.one_of(
    *(st.builds(kind, thing=IDS) for kind in (Take, Drop, Use, Equip, Unequip)),
    st.builds(Split, thing=IDS, count=st.integers(1, 20)),
    st.builds(GiveItem, thing=IDS, to=st.sampled_from(["Ada", "Bob"])),
    st.builds(Stow, thing=IDS, into=st.just("bag")),
    st.builds(Fetch, thing=IDS, out_of=st.just("bag")),
    st.builds(Attack, target=st.just("meadow.rat.1")),
)


@given(st.lists(st.tuples(st.sampled_from([ADA, BOB]), DEEDS), max_size=40))
def test_whatever_is_done_strength_is_what_is_worn_and_each_thing_is_in_one_place(deeds: list[Any]) -> None:
    scene = state(
        *(replace(ADA, hp=40), BOB, SWORD, HAT, APPLES, BAG, thing("salve", "salve")),
        on_ground("more", "apple", count=18),
        creature(hp=10_000),
    )
    for n, (who, event) in enumerate(deeds):
        try:  # play() proves that nothing is made or lost
            fold(scene, play(event, scene, circumstances(who, id=f"e{n}", now_ms=NOW_MS + n * 2_000)))
        except Rejected:
            continue
        for name in ("ada", "bob"):
            worn = held(scene, f"worn:{name}")
            attack, defence = strength(worn)
            body = scene.of(Strength)[name]
            assert (body.attack, body.defence) == (10 + attack, 2 + defence)
            assert len({KINDS[item.kind].slot for item in worn}) == len(worn)
            assert len(held(scene, name)) <= CARRIED_MAX
        assert all(0 <= item.count <= KINDS[item.kind].stack for item in scene.of(Item).values())


@given(st.lists(st.integers(1, 20), max_size=8), st.lists(st.integers(1, 20), max_size=8))
def test_what_is_received_is_what_came_and_what_is_taken_is_what_went(there: list[int], coming: list[int]) -> None:
    have = [thing(f"a{n}", "apple", count=count) for n, count in enumerate(there)]
    come = [thing(f"b{n}", "apple", "bob", count=count) for n, count in enumerate(coming)]
    moved = received(have, come, "ada")
    after = {item.id: item for item in (*have, *moved.put)}
    assert sum(item.count for item in after.values()) == sum(there) + sum(coming)
    assert not {item.id for item in moved.drop} & after.keys()
    for wanted in (1, sum(there)):
        if 0 < wanted <= sum(there):
            less = taken(have, "apple", wanted)
            left = {item.id: item for item in have} | {item.id: item for item in less.put}
            assert sum(i.count for i in left.values() if i not in less.drop) == sum(there) - wanted
