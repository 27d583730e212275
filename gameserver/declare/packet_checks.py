"""What of a class of packets nobody could read or write, found where it is declared."""

import inspect
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from gameserver.declare.field_descriptions import fits, hints

# A name is part of names of queues, Celery tasks, Python functions and AMQP's routing keys, which hold 255 bytes.
NAME_CHARS_MAX = 40
_NAME = re.compile(rf"[a-z][a-z0-9_]{{0,{NAME_CHARS_MAX - 1}}}")


def faults_of_packet(cls: Any, base: type[msgspec.Struct]) -> Iterator[str]:
    """Say what is wrong with a class that is to be an event, a notice or a result (``base``)."""
    if not (isinstance(cls, type) and issubclass(cls, base)):
        yield f"it must be a class derived from {base.__name__}"
        return
    yield from _faults_of_class(cls)
    for name in sorted(_annotated(cls, base) & {*hints(base)}):
        if hints(cls)[name] != hints(base)[name]:
            yield f"a field cannot be called {name}: {base.__name__} has one of another type"
    if fault := unreadable(cls):
        yield fault
        return
    yield from (f"the default of {name} is not what it may hold" for name in _wrong_defaults(cls))


def is_name(text: str) -> bool:
    """Whether something that travels can be named so."""
    return _NAME.fullmatch(text) is not None


def fault_of_name(name: str) -> str:
    """Say why nothing that is named in queues and rules can have this name; "" where it can."""
    fault = f"a name has letters of a to z, digits and _, a letter first, and {NAME_CHARS_MAX} of them at most"
    return "" if is_name(name) else fault


def _faults_of_class(cls: type[msgspec.Struct]) -> Iterator[str]:
    config = cls.__struct_config__
    if not config.frozen:
        yield "it must be frozen"
    if config.tag not in (None, cls.__name__.lower()):
        yield "its packet's type is its name: no tag"
    if cls.__struct_encode_fields__ != cls.__struct_fields__:
        yield "fields travel under their own names: no rename"


def _annotated(cls: type, base: type) -> set[str]:
    """The fields that a class and those between it and its base declare."""
    between = cls.__mro__[: cls.__mro__.index(base)]
    return {name for one in between for name in inspect.get_annotations(one)}


def unreadable(cls: type[msgspec.Struct]) -> str:
    """Say why nothing can be read into this class; "" where it can."""
    try:
        msgspec.json.Decoder(cls)
        msgspec.json.schema_components([cls])
    except (TypeError, ValueError, NameError) as error:  # a type that msgspec does not know, or that nobody knows
        return f"its fields cannot be read: {' '.join(str(error).split())}"
    return ""


def _wrong_defaults(cls: type[msgspec.Struct]) -> Iterator[str]:
    for field in msgspec.structs.fields(cls):
        if not field.required:
            default = field.default_factory() if field.default is msgspec.NODEFAULT else field.default
            given = msgspec.to_builtins(default, builtin_types=(bytes,), enc_hook=repr)
            if not fits(given, hints(cls)[field.name]):
                yield field.name
