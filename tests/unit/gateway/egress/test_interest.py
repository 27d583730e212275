from hypothesis import given
from hypothesis import strategies as st

from gameserver.broker.gateway_routing import routing_key
from gateway.egress.interest import Interest

TOPICS = [f"zone.{zone}{cell}" for zone in "ab" for cell in ("", "/0.0", "/0.1", "/1.0")] + ["channel.x"]
CONNS = ["ada", "bob", "eve"]
A, B = routing_key("zone.a"), routing_key("zone.b")


def test_the_first_watcher_of_a_zone_binds_it_and_the_last_one_unbinds_it():
    interest: Interest[str] = Interest()
    assert interest.watch("ada", "view", ("zone.a", "zone.a/0.0")) == ([A], [])
    assert interest.watch("bob", "view", ("zone.a/0.0",)) == ([], [])
    assert interest.forget("ada") == []
    assert interest.watch("bob", "view", ()) == ([], [A])
    assert interest.keys == []


def test_walking_within_a_zone_binds_nothing():
    interest: Interest[str] = Interest()
    interest.watch("ada", "view", ("zone.a/0.0",))
    assert interest.watch("ada", "view", ("zone.a/0.1",)) == ([], [])
    assert set(interest.audience(["zone.a/0.0"], ())) == set()
    assert set(interest.audience(["zone.a/0.1"], ())) == {"ada"}


def test_a_walk_through_a_portal_binds_the_new_zone_and_unbinds_the_old():
    interest: Interest[str] = Interest()
    interest.watch("ada", "view", ("zone.a", "zone.a/0.0"))
    assert interest.watch("ada", "view", ("zone.b", "zone.b/0.0")) == ([B], [A])


def test_a_walk_into_a_zone_that_shares_the_key_binds_nothing():
    twin = next(f"zone.t{n}" for n in range(100_000) if routing_key(f"zone.t{n}") == A)
    interest: Interest[str] = Interest()
    interest.watch("ada", "view", ("zone.a",))
    assert interest.watch("ada", "view", (twin,)) == ([], [])
    assert interest.audience(["zone.a"], ()) == []
    assert interest.forget("ada") == [A]


def test_slots_do_not_disturb_each_other():
    interest: Interest[str] = Interest()
    interest.watch("ada", "view", ("zone.a",))
    interest.watch("ada", "channels", ("channel.x",))
    interest.watch("ada", "view", ("zone.b",))
    assert set(interest.audience(["channel.x"], ())) == {"ada"}


def test_who_watches_one_of_the_exceptions_is_left_out():
    interest: Interest[str] = Interest()
    interest.watch("ada", "view", ("zone.a/0.0", "zone.a/0.1"))
    interest.watch("bob", "view", ("zone.a/0.0",))
    assert set(interest.audience(["zone.a/0.0"], ["zone.a/0.1"])) == {"bob"}


def test_nobody_watches_an_unknown_topic():
    interest: Interest[str] = Interest()
    assert set(interest.audience(["zone.a", "zone.b"], ["zone.c"])) == set()
    assert interest.forget("nobody") == []


topics = st.lists(st.sampled_from(TOPICS), unique=True, max_size=5).map(tuple)
steps = st.one_of(
    st.tuples(st.just("watch"), st.sampled_from(CONNS), st.sampled_from(["view", "channels"]), topics),
    st.tuples(st.just("forget"), st.sampled_from(CONNS)),
)


@given(st.lists(steps, max_size=40), topics, topics)
def test_it_is_what_a_naive_model_says_and_the_queue_is_bound_for_exactly_what_is_watched(history, to, unless):
    interest: Interest[str] = Interest()
    model: dict[tuple[str, str], tuple[str, ...]] = {}
    queue: set[str] = set()
    for what, conn, *rest in history:
        if what == "watch":
            slot, wanted = rest
            others = {t for key, ts in model.items() if key[0] == conn and key[1] != slot for t in ts}
            wanted = tuple(t for t in wanted if t not in others)  # slots hold different kinds of topics
            model[conn, slot] = wanted
            bind, unbind = interest.watch(conn, slot, wanted)
        else:
            model = {key: ts for key, ts in model.items() if key[0] != conn}
            bind, unbind = [], interest.forget(conn)
        assert not queue & set(bind)
        assert set(unbind) <= queue | set(bind)
        queue = (queue | set(bind)) - set(unbind)
        assert queue == {routing_key(t) for ts in model.values() for t in ts} == set(interest.keys)
    watching = {conn: {t for key, ts in model.items() if key[0] == conn for t in ts} for conn in CONNS}
    expected = {conn for conn, mine in watching.items() if mine & set(to) and not mine & set(unless)}
    assert set(interest.audience(to, unless)) == expected
