"""The world view follows replies and notices as the game declares, and is not deceived by those that come late.

What is right stands in ``views.json``, and is played by the JavaScript view too (``tests/unit/web/test_views.py``).
"""

from operator import attrgetter
from typing import Any

import msgspec
import pytest

from gameserver.client.world_view import GONE_KEPT_MAX, WorldView
from gameserver.declare import catalogue
from gameserver.declare.client_view import followers
from tests.unit.client.views import CASES, Case, told_to_python


@pytest.mark.parametrize("case", CASES, ids=attrgetter("name"))
def test_a_view_knows_what_it_was_told(case: Case) -> None:
    view = told_to_python(case.told)
    assert {key: view.me.get(key) for key in case.me} == case.me
    assert view.beings == {being["id"]: being for being in case.beings}


def test_what_is_told_has_the_shape_that_the_game_declares() -> None:
    events, notices = catalogue.client_events(), catalogue.notices()
    for name, data in (told for case in CASES for told in case.told):
        msgspec.convert(data, notices[name] if name in notices else events[name].spec.result)


def test_each_notice_and_reply_that_is_followed_has_a_case() -> None:
    assert set(followers()) - {name for case in CASES for name, _ in case.told} == set()


def test_what_is_remembered_of_the_gone_is_bounded() -> None:
    view = told_to_python([("vanished", {"who": f"rat{number}", "v": 1}) for number in range(GONE_KEPT_MAX + 50)])
    assert len(view._gone) == GONE_KEPT_MAX


def test_a_view_knows_nothing_that_is_not_declared() -> None:
    bare = WorldView({})
    entered: dict[str, Any] = CASES[0].told[0][1]
    bare.apply_reply({"type": "register"}, entered)
    bare.apply_notice({"type": "vanished", "who": "rat", "v": 1})
    assert (bare.me, bare.beings) == ({}, {})
