"""Each kind of change to a catalogue is found, judged, and told in a sentence that says for whom it breaks what."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from gameserver.errors import Corrupt
from gameserver.operations import catalogue_diff, catalogue_document, catalogue_export

TODAY = json.loads(catalogue_export.text())
Change = Callable[[dict[str, Any]], Any]


def read(document: dict[str, Any]) -> catalogue_document.Document:
    return catalogue_document.read(json.dumps(document).encode(), "it")


def between(old: dict[str, Any], new: dict[str, Any]) -> list[tuple[bool, str]]:
    return [tuple(change) for change in catalogue_diff.changes(read(old), read(new))]


def changed(change: Change) -> dict[str, Any]:
    document = copy.deepcopy(TODAY)
    change(document)
    return document


def schema(document: dict[str, Any], name: str) -> dict[str, Any]:
    return document["components"]["schemas"][name]


def without(name: str, field: str) -> Change:
    """A field taken away."""

    def change(document: dict[str, Any]) -> None:
        shape = schema(document, name)
        del shape["properties"][field]
        shape["required"] = [each for each in shape["required"] if each != field]

    return change


def optional(name: str, field: str, **more: Any) -> Change:
    """A field that may be left out."""

    def change(document: dict[str, Any]) -> None:
        shape = schema(document, name)
        shape["properties"][field].update(more)
        shape["required"] = [each for each in shape["required"] if each != field]

    return change


def field(name: str, field: str, **what: Any) -> Change:
    """A field with another type; None takes a keyword away."""

    def change(document: dict[str, Any]) -> None:
        properties = schema(document, name)["properties"]
        merged = {**properties[field], **what}
        properties[field] = {key: value for key, value in merged.items() if value is not None}

    return change


def event(name: str, **what: Any) -> Change:
    return lambda document: document["x-events"][name].update(what)


def gone(*names: str) -> Change:
    """Types taken away."""

    def change(document: dict[str, Any]) -> None:
        for kind in (document["x-events"], document["x-notices"], document["components"]["messages"]):
            for name in names:
                kind.pop(name, None)

    return change


def notice(name: str, **what: Any) -> Change:
    return lambda document: document["x-notices"][name].update(what)


# A change from today's catalogue to the changed one, its judgement, and what it says; and the same the other way round.
CHANGES: list[tuple[Change, bool, str, bool, str]] = [
    (without("Give", "coins"), True, "event give: field coins is gone: clients of before are refused",
     True, "event give: field coins is new and required: clients of before are refused"),
    (optional("Give", "coins", default=1), False, "event give: field coins may be left out now: replace workers before",
     True, "event give: field coins is required now: clients of before are refused"),
    (lambda d: (without("Give", "coins")(d), schema(d, "Give")["properties"].update(coin={"type": "integer"})),
     True, "event give: field coins is gone", True, "event give: field coins is new and required"),
    (field("Give", "coins", maximum=10), True, "event give: field coins allows less than before: clients of before are",
     False, "event give: field coins allows more than before: replace workers before gateways"),
    (field("Say", "text", minLength=2), True, "event say: field text allows less than before",
     False, "event say: field text allows more than before"),
    (field("Move", "dir", enum=["n", "s"]), True, "event move: field dir allows less than before",
     False, "event move: field dir allows more than before"),
    (field("Join", "channel", pattern="^x$"), True, "event join: field channel allows less than before",
     True, "event join: field channel allows less than before"),
    (field("Ack", "ids", maxItems=5), True, "event ack: field ids allows less than before",
     False, "event ack: field ids allows more than before"),
    (field("Give", "coins", type="string", minimum=None, maximum=None), True, "event give: field coins has another",
     True, "event give: field coins has another type"),
    (field("Ping", "t", default=4), True, "packet ping: field t means something else where it is left out",
     True, "packet ping: field t means something else where it is left out"),
    # What a worker gives birth to is read by workers of before.
    (without("Reward", "slain"), True, "event reward: field slain is gone: events under way cannot be read",
     True, "event reward: field slain is new and required: events under way cannot be read"),
    (optional("Reward", "slain", default=""), True, "event reward: field slain may be left out now: workers of before",
     True, "event reward: field slain is required now: events under way cannot be read"),
    (optional("Heartbeat", "sessions"), False, "event heartbeat: field sessions may be left out now: replace workers",
     True, "event heartbeat: field sessions is required now: events under way cannot be read"),
    # What clients are told.
    (without("Given", "coins"), True, "the reply to give: field coins is gone: clients of before miss it",
     False, "the reply to give: field coins is new and required: clients ignore"),
    (optional("Hit", "hp"), True, "the reply to attack: field hp may be left out now: clients of before miss it",
     False, "the reply to attack: field hp is required now"),
    (without("Line", "by"), True, "the reply to join: field history[].by is gone",
     False, "the reply to join: field history[].by is new"),
    (without("Being", "hp"), True, "notice view: field beings[].hp is gone",
     False, "notice appeared: field being.hp is new and required"),
    (field("Struck", "hp", type=None, anyOf=[{"type": "integer"}, {"type": "null"}]),
     True, "notice struck: field hp allows more than before: clients of before may be told",
     False, "notice struck: field hp allows less than before"),
    (field("Struck", "damage", type="number"), True, "notice struck: field damage allows more than before",
     False, "notice struck: field damage allows less than before"),
    (field("Struck", "by", type="integer"), True, "notice struck: field by has another type",
     True, "notice struck: field by has another type"),
    (field("Heard", "channel", default="all"), True, "notice heard: field channel means something else",
     True, "notice heard: field channel means something else"),
    (without("Welcome", "gateway"), True, "packet welcome: field gateway is gone: clients of before miss it",
     False, "packet welcome: field gateway is new and required"),
    (event("give", result=None), True, "the reply to give has no data any more",
     False, "the reply to give has data now"),
    (event("give", result={"$ref": "#/components/schemas/Walked"}), True, "the reply to give: field coins is gone",
     True, "the reply to give: field x is gone"),
    # Types that come and go.
    (gone("give"), True, "event give is gone: clients that send it are refused (unknown_type)",
     False, "event give is new: replace the workers of trade before whatever sends it"),
    (gone("reward"), True, "event reward is gone: events under way cannot be read",
     False, "event reward is new: replace the workers of combat"),
    (gone("give", "purse"), True, "event purse is gone",
     False, "event purse is new: start workers for its family trade before gateways are replaced"),
    (gone("died"), True, "notice died is gone: clients that wait for it never hear it",
     False, "notice died is new: clients ignore"),
    (gone("pong"), True, "packet pong is gone: clients of before miss it",
     False, "packet pong is new"),
    # How they travel.
    *((event("say", **{name: value}), True, f"event say: {name} is ", True, f"event say: {name} is ")
      for name, value in {"family": "talk", "lane": "act", "origin": "server", "durable": False, "numbered": False,
                          "secrets": ["text"]}.items()),
    *((event("say", **{name: value}), False, f"event say: {name} is {value} instead", False, f"event say: {name} is ")
      for name, value in {"priority": 4, "lease_s": 11, "stale_after_s": 1.5, "max_attempts": 9,
                          "batch_max": 9}.items()),
    (notice("moved", durable=True), True, "notice moved: durable is true", True, "notice moved: durable is false"),
    (
        notice("moved", conflation_key="x"),
        True,
        'notice moved: conflation_key is "x" instead of "who"',
        True,
        "notice moved: conflation_key",
    ),
    (notice("moved", family="combat"), False, "notice moved: family", False, "notice moved: family"),
    (lambda d: d.update({"x-protocol": 2}), True, "the protocol is 2 instead of 1",
     True, "the protocol is 1 instead of 2"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "breaks", "said", "back_breaks", "said_back"), CHANGES)
def test_a_change_is_judged_and_told(
    change: Change, breaks: bool, said: str, back_breaks: bool, said_back: str
) -> None:
    new = changed(change)
    there, back = between(TODAY, new), between(new, TODAY)
    assert any(sentence.startswith(said) and judged == breaks for judged, sentence in there), there
    assert any(judged for judged, _ in there) == breaks, there
    assert any(sentence.startswith(said_back) and judged == back_breaks for judged, sentence in back), back
    assert any(judged for judged, _ in back) == back_breaks, back
    assert all(sentence.endswith(".") for _, sentence in there + back)


def test_nothing_is_said_of_the_same_catalogue_and_of_better_words() -> None:
    assert between(TODAY, TODAY) == []
    assert between(TODAY, changed(field("Say", "text", description="What you say."))) == []


def test_every_attribute_of_a_declaration_is_compared() -> None:
    assert {*TODAY["x-events"]["say"]} - {"schema", "result"} == set(catalogue_diff._TRAVEL)
    assert {*TODAY["x-notices"]["moved"]} - {"schema"} == set(catalogue_diff._TRAVEL_OF_NOTICES)


def test_a_shape_that_holds_itself_is_compared_once() -> None:
    grown = changed(lambda d: schema(d, "Line")["properties"].update(inner={"$ref": "#/components/schemas/Line"}))
    assert between(grown, grown) == []


def test_a_document_of_another_format_is_refused() -> None:
    with pytest.raises(Corrupt, match="it has format 2, and this version reads 1"):
        read({**TODAY, "x-format": 2})
