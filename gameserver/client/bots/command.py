"""The command ``gameserver bots``: its options, and a run until it is done or interrupted."""

import argparse
import asyncio
import signal
from functools import partial

import uvloop

from gameserver.client.bots.bot import BotOptions
from gameserver.client.bots.crowd import run
from gameserver.client.bots.run_stats import Summary


def address(text: str) -> tuple[str, int]:
    """HOST:PORT as a pair. Raises ``argparse.ArgumentTypeError``."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return host.strip("[]"), int(port)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command line; ``main`` reads them."""
    default = BotOptions()
    parser.add_argument("--address", type=address, action="append", metavar="HOST:PORT", help="a gateway; repeatable")
    parser.add_argument("--count", type=int, default=default.count, help="how many bots")
    parser.add_argument("--rate", type=float, default=default.rate, help="events per second and bot")
    parser.add_argument("--duration", type=float, default=default.duration_s, help="seconds, once all are in the world")
    parser.add_argument("--forever", action="store_true", help="play on until stopped, and come back whatever happens")
    parser.add_argument("--seed", type=int, default=default.seed, help="for the bots' choices")
    parser.add_argument("--codec", choices=("msgpack", "json"), default=default.codec)
    parser.add_argument("--name-prefix", default=default.name_prefix, help="bots are called by this and a number")
    parser.add_argument("--password", default=default.password, help="the password of all bots")
    parser.add_argument("--profile", default=default.profile, metavar="NAME", help="how they play: mixed trades, too")
    parser.add_argument("--settle", type=float, default=default.settle_s, help="seconds to wait for answers at the end")
    parser.add_argument("--entering-max", type=int, default=default.entering_max, help="logins at the same time")


def options_from(args: argparse.Namespace) -> BotOptions:
    """The options that the command line gave."""
    return BotOptions(
        addresses=tuple(args.address or BotOptions().addresses),
        count=args.count,
        rate=args.rate,
        duration_s=None if args.forever else args.duration,
        seed=args.seed,
        codec=args.codec,
        name_prefix=args.name_prefix,
        password=args.password,
        entering_max=args.entering_max,
        settle_s=args.settle,
        profile=args.profile,
    )


def main(args: argparse.Namespace) -> int:
    """Run until done or interrupted. 0 when everything was answered without errors."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # a crowd hears everything
        return 0 if runner.run(_run_until_signal(options_from(args))).ok else 1


async def _run_until_signal(options: BotOptions) -> Summary:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return await run(options, partial(print, flush=True), stop)
