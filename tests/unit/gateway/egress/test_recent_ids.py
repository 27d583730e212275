from hypothesis import given
from hypothesis import strategies as st

from gateway.egress.recent_ids import RecentIds

AGE_S = 10.0


def test_what_is_new_is_told_from_what_is_known():
    memory = RecentIds(10, AGE_S)
    assert memory.add("a", 0.0)
    assert not memory.add("a", 1.0)
    assert memory.add(("a", "b"), 1.0)


def test_the_oldest_is_forgotten_first():
    memory = RecentIds(2, AGE_S)
    for thing in "abc":
        memory.add(thing, 0.0)
    assert not memory.add("b", 0.0)
    assert not memory.add("c", 0.0)
    assert memory.add("a", 0.0)


def test_everything_is_forgotten_after_a_while_that_asking_does_not_prolong():
    memory = RecentIds(10, AGE_S)
    memory.add("a", 0.0)
    assert not memory.add("a", AGE_S - 1)
    assert memory.add("a", AGE_S)
    assert not memory.add("a", AGE_S + 1)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 6)), max_size=60), st.integers(1, 5))
def test_it_holds_the_last_new_things_for_their_time_and_no_more(steps, most):
    memory = RecentIds(most, AGE_S)
    known: dict[int, float] = {}
    now_s = 0.0
    for thing, pause_s in steps:
        now_s += pause_s
        fresh = thing not in known or now_s - known[thing] >= AGE_S
        assert memory.add(thing, now_s) == fresh
        if fresh:
            known.pop(thing, None)
            known[thing] = now_s
            known = dict(list(known.items())[-most:])
