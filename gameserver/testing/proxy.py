"""A TCP proxy under test control: what stands between a gateway and its broker when the network fails.

``cut`` lets the connections stand and passes nothing on, as a lost link does; ``mend`` passes bytes on again.
``delay_s``: bytes arrive so much later, each way, as over a long line.
``forget`` cuts for good those that stand, and serves new ones, as a firewall does that has forgotten idle connections.
"""

import asyncio
import threading


class Proxy:
    """Passes TCP on from a loopback port of its own to another (or to a Unix socket), in a thread of its own."""

    def __init__(self, to: int | str, delay_s: float = 0.0) -> None:
        self._to = to
        self._delay_s = delay_s
        self._loop = asyncio.new_event_loop()
        self._open: asyncio.Event
        self._tasks: set[asyncio.Task[None]] = set()
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), daemon=True, name="proxy")
        self._thread.start()
        ready.wait()

    def _run(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._listen())
        ready.set()
        self._loop.run_forever()

    async def _listen(self) -> None:
        self._open = asyncio.Event()
        self._open.set()
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await self._reach()
        except OSError:
            writer.close()
            return
        for source, sink, answers in ((reader, far_writer, False), (far_reader, writer, True)):
            task = asyncio.ensure_future(self._pass_on(source, sink, self._open, answers=answers))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._to, str):
            return await asyncio.open_unix_connection(self._to)
        return await asyncio.open_connection("127.0.0.1", self._to)

    async def _pass_on(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, opened: asyncio.Event, *, answers: bool
    ) -> None:
        try:
            while data := await source.read(65_536):
                await asyncio.sleep(self._delay_s)
                await opened.wait()
                self._passes(data, answers=answers)
                sink.write(data)
                await sink.drain()
        except OSError:
            pass
        finally:
            sink.close()

    def _passes(self, data: bytes, *, answers: bool) -> None:
        """Look at what passes. ``answers``: whether it comes from the far side. For subclasses."""

    def cut(self) -> None:
        """Pass nothing on."""
        self._loop.call_soon_threadsafe(self._open.clear)

    def mend(self) -> None:
        """Pass bytes on again."""
        self._loop.call_soon_threadsafe(self._open.set)

    def forget(self) -> None:
        """Pass nothing on any more for the connections that stand."""
        self._loop.call_soon_threadsafe(self._forget)

    def _forget(self) -> None:
        self._open.clear()
        self._open = asyncio.Event()
        self._open.set()

    def stop(self) -> None:
        """Close everything."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _close(self) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
