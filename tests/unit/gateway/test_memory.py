from hypothesis import given
from hypothesis import strategies as st

from gateway.memory import Memory


def test_what_is_new_is_told_from_what_is_known():
    memory = Memory(10)
    assert memory.add("a")
    assert not memory.add("a")
    assert memory.add(("a", "b"))


def test_the_oldest_is_forgotten_first():
    memory = Memory(2)
    for thing in "abc":
        memory.add(thing)
    assert not memory.add("b")
    assert not memory.add("c")
    assert memory.add("a")


@given(st.lists(st.integers(0, 9), max_size=60), st.integers(1, 5))
def test_it_holds_the_last_new_things_and_no_more(things, most):
    memory = Memory(most)
    known: list[int] = []
    for thing in things:
        assert memory.add(thing) == (thing not in known)
        known = known if thing in known else [*known, thing][-most:]
