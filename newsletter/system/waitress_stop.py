"""Stop a waitress server from another thread than its own."""

import threading
from typing import Any

from waitress import wasyncore


def close_server(server: Any, sockets: dict[int, Any]) -> None:
    """Close a running waitress server's port and all its `sockets`; its `run` then returns, in its own thread."""
    server.task_dispatcher.shutdown()
    # The loop may already be awake, and would close the pipe that wakes it while we are about to write to it.
    is_awake = threading.Lock()

    def close() -> None:
        with is_awake:
            for connection in list(server.active_channels.values()):
                connection.handle_close()
            wasyncore.close_all(sockets)

    with is_awake:
        server.trigger.pull_trigger(close)
