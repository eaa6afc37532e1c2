"""`python -m newsletter.part serve`: a part of `newsletter up`, which leaves when `up` is gone, however it went."""

import os
import signal
import threading

from newsletter.cli import main

_STDIN = 0


def _leave_with_parent(main_thread: int) -> None:
    # Only `up` holds the other end of our standard input, and it writes nothing: the end means that it is gone.
    while os.read(_STDIN, 1):
        pass
    signal.pthread_kill(main_thread, signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_leave_with_parent, args=[threading.get_ident()], daemon=True).start()
    main()
