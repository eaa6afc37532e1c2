"""A waitress server is closed from another thread."""

import socket
import threading

from waitress import create_server

from newsletter.system.waitress_stop import close_server


def test_a_server_that_is_already_awake_closes_nothing_that_its_stop_still_writes_to() -> None:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    sockets: dict[int, object] = {}
    server = create_server(lambda _environ, _start: [], map=sockets, sockets=[listener], threads=1)
    serving = threading.Thread(target=server.run)
    serving.start()
    write = server.trigger._physical_pull

    def awake_first() -> None:
        write()
        serving.join(0.2)  # as if another thread had woken the loop a moment ago
        write()

    server.trigger._physical_pull = awake_first
    close_server(server, sockets)
    serving.join()
    assert not sockets
