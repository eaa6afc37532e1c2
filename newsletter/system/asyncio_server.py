"""A server of asyncio's in a thread of its own."""

import asyncio
import socket
import threading
import weakref
from collections.abc import Callable


class AsyncioServer:
    """A running server; `stop` returns when its port and connections are closed."""

    def __init__(self, listener: socket.socket, make_session: Callable[[], asyncio.BaseProtocol], name: str) -> None:
        """`make_session` is called in the server's thread, once for each connection."""
        self._listener = listener
        self._make_session = make_session
        self._sessions: weakref.WeakSet[asyncio.BaseProtocol] = weakref.WeakSet()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()
        self._started.wait()

    def stop(self) -> None:
        """Close the port and every connection; a second call does nothing."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        server = await self._loop.create_server(self._session, sock=self._listener)
        self._started.set()
        await self._stopping.wait()
        server.close()
        for session in list(self._sessions):
            transport = getattr(session, "transport", None)
            if transport is not None:
                transport.close()
        await server.wait_closed()

    def _session(self) -> asyncio.BaseProtocol:
        session = self._make_session()
        self._sessions.add(session)
        return session
