"""The catalogue as an AsyncAPI 3.0 document with a JSON Schema for every packet.

https://www.asyncapi.com/docs/reference/specification/v3.0.0 - the application that it describes is the server: it
*receives* what clients send. How events travel between processes stands in extensions (``x-events``, ``x-notices``),
for ``catalogue_diff``. The document holds nothing of a deployment and no time: equal catalogues give equal text.
"""

import json
from collections.abc import Iterable
from typing import Any

import msgspec

from gameserver.declare import catalogue
from gameserver.declare.base import NoticeSpec, Spec
from gameserver.declare.once_per_reading import once_per_reading
from gameserver.wire import packets
from gameserver.wire.codecs import client_packets
from gameserver.wire.packets import PROTOCOL, FromServer

FORMAT = 1  # of the extensions
REFERENCE = "#/components/schemas/"
CHANNEL = {"$ref": "#/channels/connection"}
_REPLIES = {"hello": "welcome", "ping": "pong"}

Json = dict[str, Any]


def text() -> str:
    """Write the document of today's catalogue, the same bytes for the same catalogue."""
    return json.dumps(document(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def document() -> Json:
    """Make the AsyncAPI document of today's catalogue."""
    schemas = _schemas()
    messages = {**_client_messages(), **_server_messages(schemas)}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Game server",
            "version": f"{PROTOCOL}.{catalogue.fingerprint()}",
            "description": "The packets of the client protocol. docs/protocol.md says when which is sent.",
        },
        "defaultContentType": "application/json",
        "channels": {"connection": _channel(messages)},
        "operations": {**_received(messages), **_sent(messages)},
        "components": {"schemas": schemas, "messages": messages},
        "x-format": FORMAT,
        "x-protocol": PROTOCOL,
        "x-events": {spec.name: _travel(spec) for spec in catalogue.specs()},
        "x-notices": {name: _travel_of_notice(cls.notice) for name, cls in catalogue.notices().items()},
    }


def server_packets() -> dict[str, type[FromServer]]:
    """The packets that a server sends beside notices, by type."""
    found = [cls for cls in vars(packets).values() if isinstance(cls, type) and issubclass(cls, FromServer)]
    return {cls.__name__.lower(): cls for cls in found if cls is not FromServer}


# Schemas.


def _schemas() -> Json:
    """Every shape by its name, and two that stand for any packet of a side."""
    sent = _references(client_packets()), _references({**server_packets(), **catalogue.notices()})
    sides = {name: {"anyOf": refs} for name, refs in zip(("PacketOfClient", "PacketOfServer"), sent, strict=True)}
    return {**_for_javascript(_named()[1]), **sides}


def _shapes() -> dict[str, Any]:
    results = {_result_key(spec): catalogue.result_of(spec) for spec in catalogue.specs() if spec.result}
    return {**client_packets(), **catalogue.events(), **server_packets(), **catalogue.notices(), **results}


def _result_key(spec: Spec) -> str:
    return f"ok.{spec.name}"


@once_per_reading
def _named() -> tuple[dict[Any, Json], Json]:
    """Every shape's reference, and the schemas by name: two shapes of one name get longer ones."""
    shapes = list(dict.fromkeys(_shapes().values()))
    references, schemas = msgspec.json.schema_components(shapes, ref_template=f"{REFERENCE}{{name}}")
    return dict(zip(shapes, references, strict=True)), schemas


def _reference(shape: Any) -> Json:
    return _named()[0][shape]


def _references(shapes: dict[str, Any]) -> list[Json]:
    return [_reference(shapes[name]) for name in sorted(shapes)]


def _for_javascript(schema: Any) -> Any:
    """Rewrite patterns as JavaScript's, which JSON Schema's are: ``$`` is the text's end alone."""
    if isinstance(schema, dict):
        return {
            k: _pattern(v) if k == "pattern" and isinstance(v, str) else _for_javascript(v) for k, v in schema.items()
        }
    return [_for_javascript(part) for part in schema] if isinstance(schema, list | tuple) else schema


def _pattern(python: str) -> str:
    return python.removesuffix("\\Z") + "$" if python.endswith("\\Z") else python


# Messages, and who sends them.


def _client_messages() -> Json:
    return {name: _message(name, cls, _family(name)) for name, cls in client_packets().items()}


def _server_messages(schemas: Json) -> Json:
    notices = catalogue.notices()
    plain = {name: _message(name, cls, {}) for name, cls in {**server_packets(), **notices}.items()}
    return {**plain, **{_result_key(spec): _reply(spec, schemas) for spec in catalogue.specs() if spec.result}}


def _message(name: str, cls: type, more: Json) -> Json:
    return {"name": name, "summary": _text(cls), "payload": _reference(cls), **more}


def _family(name: str) -> Json:
    event = catalogue.client_events().get(name)
    return {"x-family": event.spec.family, "x-lane": event.spec.lane} if event else {}


def _reply(spec: Spec, schemas: Json) -> Json:
    """An ``ok`` with its ``data``; without, where an event that took effect before is answered again."""
    ok = schemas["Ok"]
    return {
        "name": _result_key(spec),
        "summary": f"The reply to {spec.name}. No data: it took effect before, and its outcome is no longer kept.",
        "payload": {**ok, "properties": {**ok["properties"], "data": _reference(catalogue.result_of(spec))}},
    }


def _text(cls: type) -> str:
    return " ".join((cls.__doc__ or "").split())


def _channel(messages: Iterable[str]) -> Json:
    return {
        "address": None,
        "title": "One connection of a client to a gateway, over TCP or TLS",
        "description": "JSON, a packet a line; or MessagePack, each packet behind its length. Both ways.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
    }


def _received(messages: Iterable[str]) -> Json:
    return {f"receive.{name}": _operation("receive", name, _answers(name, messages)) for name in client_packets()}


def _answers(name: str, messages: Iterable[str]) -> list[str]:
    own = f"ok.{name}" if f"ok.{name}" in messages else "ok"
    return [_REPLIES[name]] if name in _REPLIES else [own, "error"]


def _sent(messages: Json) -> Json:
    answers = {answer for name in client_packets() for answer in _answers(name, messages)}
    return {
        f"send.{name}": _operation("send", name) for name in messages if name not in answers | set(client_packets())
    }


def _operation(action: str, name: str, answers: Iterable[str] = ()) -> Json:
    reply = {"reply": {"channel": CHANNEL, "messages": [_on_channel(answer) for answer in answers]}} if answers else {}
    return {"action": action, "channel": CHANNEL, "messages": [_on_channel(name)], **reply}


def _on_channel(name: str) -> Json:
    return {"$ref": f"#/channels/connection/messages/{name}"}


# How they travel.


def _travel(spec: Spec) -> Json:
    plain = ("family", "origin", "lane", "priority", "lease_s", "durable", "numbered")
    more = ("stale_after_s", "max_attempts", "batch_max")
    return {
        **{name: getattr(spec, name) for name in (*plain, *more)},
        "secrets": sorted(spec.secrets),
        "schema": _reference(catalogue.events()[spec.name]),
        "result": _reference(catalogue.result_of(spec)) if spec.result else None,
    }


def _travel_of_notice(notice: NoticeSpec) -> Json:
    schema = _reference(catalogue.notices()[notice.name])
    kept = {name: getattr(notice, name) for name in ("family", "durable", "conflation_key")}
    return {**kept, "schema": schema}
