"""A real Postfix on loopback, in a folder of its own."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/postfix.log
maillog_file_prefixes = {folder}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mydestination =
"""
_INTO_ONE_MAILBOX = """
virtual_mailbox_base = {folder}
virtual_mailbox_maps = static:mail/
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
"""
_SERVICES = """
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
retry unix - - n - - error
proxymap unix - - n - - proxymap
tlsmgr unix - - n 1000? 1 tlsmgr
anvil unix - - n - 1 anvil
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
virtual unix - n n - - virtual
postlog unix-dgram n - n - 1 postlogd
"""


@contextmanager
def running_postfix(
    program: str, folder: Path, port: int, settings: str, *, mailbox_of: str | None = None
) -> Iterator[None]:
    """Postfix on a port, with these settings of `main.cf`; all mail to the domain `mailbox_of` goes to `mail/new`."""
    # A mail server's own user has to enter it.
    folder.chmod(0o755)
    for name in ("etc", "data", "queue"):
        (folder / name).mkdir()
    subprocess.run(["chown", "postfix", folder / "data"], check=True)
    if mailbox_of:
        (folder / "mail").mkdir()
        os.chown(folder / "mail", 65534, 65534)
        settings += f"{_INTO_ONE_MAILBOX.format(folder=folder)}virtual_mailbox_domains = {mailbox_of}\n"
    (folder / "etc" / "main.cf").write_text(_MAIN.format(folder=folder) + settings)
    (folder / "etc" / "master.cf").write_text(_SERVICES.format(port=port))
    command = [program, "-c", str(folder / "etc")]
    started = subprocess.run([*command, "start"], check=False, capture_output=True, text=True)
    assert started.returncode == 0, started.stderr
    try:
        yield
    finally:
        subprocess.run([*command, "stop"], check=True, capture_output=True)
