"""How functions of a game are called by the engine: which arguments they take, and that they return at once."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from types import FunctionType
from typing import Any

_LATE = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)


def misfits(name: str, function: Any, parameters: Sequence[str]) -> dict[str, bool]:
    """Say what is wrong with a declared function, sentences and whether they are true: called ``name`` in them."""
    return {
        f"{name} is written with def": not isinstance(function, FunctionType),
        **_misfits(name, function, parameters),
    }


def _misfits(name: str, function: Any, parameters: Sequence[str]) -> dict[str, bool]:
    return {
        f"{name} is a function, and no class": isinstance(function, type),
        f"{name} takes ({', '.join(parameters)})": not takes(function, parameters),
        f"{name} returns what it has to say: no async, no yield": any(is_late(function) for is_late in _LATE),
    }


def takes(function: Any, parameters: Sequence[str]) -> bool:
    """Whether something can be called with so many positional arguments."""
    try:
        inspect.signature(function).bind(*parameters)
    except (TypeError, ValueError):
        return False
    return True


def is_called_with(function: Callable[..., Any], parameters: Sequence[str], named: Sequence[str]) -> bool:
    """Whether a function can be called with positional arguments and others by their names, and returns at once."""
    try:
        inspect.signature(function).bind(*parameters, **dict.fromkeys(named))
    except (TypeError, ValueError):
        return False
    return not any(is_late(function) for is_late in _LATE)


def misfits_of_options(options: Mapping[str, tuple[Callable[..., Any] | None, Sequence[str]]]) -> dict[str, bool]:
    """The same of options that may be left out (``None``), each with what it takes."""
    given = {name: option for name, option in options.items() if option[0] is not None}
    return {fault: true for name, option in given.items() for fault, true in _misfits(name, *option).items()}
