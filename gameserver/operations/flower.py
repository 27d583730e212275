"""Additions to Flower: default settings, a password on every page, and a check that it is not open to others.

Flower's own password leaves ``/metrics`` and ``/healthcheck`` open; here they require it like all other pages. Flower
does not start without a password on an address that others can reach. ``flowerconfig.py`` uses this module.
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
    set_defaults(
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
        tasks_columns="name,uuid,state,args,received,started,runtime,worker",
        task_runtime_metric_buckets=[0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0],
    )
    if settings.flower_basic_auth:
        set_defaults(options, basic_auth=[settings.flower_basic_auth])
    if settings.flower_cookie_secret:
        set_defaults(options, cookie_secret=settings.flower_cookie_secret)
    require_password(options)


def set_defaults(options: Any, **defaults: Any) -> None:
    """Set options that neither environment nor command line set; Flower lets its file override the environment."""
    for name, value in defaults.items():
        option = options._options[options._normalize_name(name)]
        if option.value() == option.default:
            option.set(value)


def require_password(options: Any) -> None:
    """Protect the pages that Flower leaves open, and check the options once all of them are known."""
    for handler in (monitor.Metrics, monitor.Healthcheck):
        handler.get = authenticated(handler.get)
    BaseHandler.get_current_user = _rejecting_undecodable(BaseHandler.get_current_user)
    options.add_parse_callback(lambda: _exit_for(find_fault(options)))  # the command line is read after flowerconfig.py


def _rejecting_undecodable(ask: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Treat a password with letters beyond ASCII as wrong: Flower's comparison raises ``TypeError`` on it."""

    def get_current_user(handler: Any) -> Any:
        try:
            return ask(handler)
        except TypeError as error:
            raise HTTPError(401) from error

    return get_current_user


def _exit_for(why: str) -> None:
    if why:
        raise SystemExit(f"Flower does not start: {why}")


def find_fault(options: Any) -> str:
    """Say why these options are unsafe, or give "" when they are not."""
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
    """Check whether only this machine can reach an address. Of names, only ``localhost`` is known to be such."""
    if address == LOCAL_NAME:
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
