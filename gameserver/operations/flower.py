"""What Flower lacks: settings that give way, a password before every page, and a refusal to be open to others.

Flower's own password leaves ``/metrics`` and ``/healthcheck`` open; here they ask for it like all other pages. And an
address that others can reach needs a password: without one Flower does not start. ``flowerconfig.py`` uses this.
"""

import ipaddress
from collections.abc import Callable
from typing import Any

from flower.views import BaseHandler, monitor
from tornado.web import HTTPError, authenticated

from gameserver import config

LOCAL_NAME = "localhost"


def configure(options: Any) -> None:
    """Set Flower up for this deployment: safe by default, on loopback, and with a memory of its own.

    What ``FLOWER_*`` in the environment or the command line say goes before this.
    """
    settings = config.load()
    settings.var.mkdir(parents=True, exist_ok=True)
    management = settings.amqp_management_url.rstrip("/")
    prefer(
        options,
        address="127.0.0.1",
        broker_api=f"{management}/api/" if management else None,
        # What is kept: in memory, and in a file of its own for each Flower of this deployment.
        max_tasks=20_000,
        purge_offline_workers=60,  # seconds; a killed worker says nothing, and would be shown as online for ever
        persistent=True,
        db=str(settings.var / f"flower-{options.port}"),
        state_save_interval=60_000,  # milliseconds; when it is stopped Flower saves anyway
        # What is shown.
        tasks_columns="name,args,state,received,started,runtime,worker,uuid",
        task_runtime_metric_buckets=[0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0],
    )
    if settings.flower_basic_auth:
        prefer(options, basic_auth=[settings.flower_basic_auth])
    if settings.flower_cookie_secret:
        prefer(options, cookie_secret=settings.flower_cookie_secret)
    guard(options)


def prefer(options: Any, **ours: Any) -> None:
    """Set what neither environment nor command line have set: Flower itself lets its file override the environment."""
    for name, value in ours.items():
        option = options._options[options._normalize_name(name)]
        if option.value() == option.default:
            option.set(value)


def guard(options: Any) -> None:
    """Put the password before what Flower leaves open, and look at the options when all of them are known."""
    for handler in (monitor.Metrics, monitor.Healthcheck):
        handler.get = authenticated(handler.get)
    BaseHandler.get_current_user = _refusing_the_unreadable(BaseHandler.get_current_user)
    options.add_parse_callback(lambda: _refuse(fault(options)))  # the command line is read after flowerconfig.py


def _refusing_the_unreadable(ask: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Flower compares passwords in a way that fails on letters beyond ASCII: these are wrong, and no error."""

    def get_current_user(handler: Any) -> Any:
        try:
            return ask(handler)
        except TypeError as error:
            raise HTTPError(401) from error

    return get_current_user


def _refuse(why: str) -> None:
    if why:
        raise SystemExit(f"Flower does not start: {why}")


def fault(options: Any) -> str:
    """What makes these options unsafe, "" if nothing does."""
    credentials = options.basic_auth or []
    if not all(_is_user_and_password(text) for text in credentials):
        return "FLOWER_BASIC_AUTH is user:password, in ASCII; neither may be empty, and a comma begins another user."
    if credentials or options.auth or options.unix_socket or is_loopback(options.address):
        return ""
    return (
        f"on the address {options.address or 'of all interfaces'!r} others could reach it without a password. "
        "Set FLOWER_BASIC_AUTH=user:password (or FLOWER_BASIC_AUTH_FILE), or leave it on 127.0.0.1."
    )


def _is_user_and_password(text: str) -> bool:
    user, _, password = text.partition(":")
    return bool(user.strip() and password.strip()) and text.isascii()


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach an address. A name that is not ``localhost`` may mean anything."""
    if address == LOCAL_NAME:
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
