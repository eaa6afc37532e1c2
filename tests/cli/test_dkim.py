"""`newsletter dkim`: keys and their DNS records."""

import json
import stat
from pathlib import Path

import pytest

from .conftest import Press


def test_a_new_key_is_kept_from_others_and_its_record_is_printed(press: Press, environment: dict[str, str]) -> None:
    made = press("dkim", "keygen", "Example.org")
    path = Path(environment["DATA_DIR"], "dkim", "example.org.press.pem")
    assert made.code == 0, made.err
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert str(path) in made.out
    [told] = json.loads(press("dkim", "show", "--json").out)
    assert told["name"] == "press._domainkey.example.org"
    assert f"  value  {told['value']}\n" in made.out
    assert f'press._domainkey.example.org. IN TXT "{told["value"][:255]}" "{told["value"][255:]}"\n' in made.out
    assert "PRIVATE" not in made.out + press("dkim", "show").out


def test_a_key_is_not_written_over(press: Press) -> None:
    assert press("dkim", "keygen", "example.org").code == 0
    before = press("dkim", "show").out
    again = press("dkim", "keygen", "example.org", "--ed25519", "--selector", "press")
    assert (again.code, again.out) == (1, "")
    assert "already exists" in again.err
    assert press("dkim", "show").out == before


def test_a_second_key_signs_beside_the_first_and_a_later_one_waits_for_its_turn(press: Press) -> None:
    press("dkim", "keygen", "example.org")
    press("dkim", "keygen", "example.org", "--ed25519")
    later = press("dkim", "keygen", "example.org", "--selector", "2027")
    assert "DKIM_SELECTORS does not name 2027" in later.out
    assert signing(press) == {"press": True, "press-ed25519": True, "2027": False}
    assert signing(press, DKIM_SELECTORS="2027") == {"press": False, "press-ed25519": False, "2027": True}


def test_keys_may_be_in_a_folder_of_their_own(press: Press, tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    lost = press("dkim", "show", DKIM_KEYS=str(folder))
    assert (lost.code, lost.err) == (1, "DKIM_KEYS: must be an existing folder\n")
    folder.mkdir()
    assert press("dkim", "keygen", "example.org", DKIM_KEYS=str(folder)).code == 0
    assert [path.name for path in folder.iterdir()] == ["example.org.press.pem"]
    assert press("dkim", "show").out.startswith("no keys in ")


@pytest.mark.slow
def test_a_worker_does_not_start_with_a_key_that_others_can_read(press: Press, environment: dict[str, str]) -> None:
    press("db", "upgrade")
    press("dkim", "keygen", "example.org")
    path = Path(environment["DATA_DIR"], "dkim", "example.org.press.pem")
    path.chmod(0o644)
    for command in (["worker"], ["dkim", "show"]):
        refused = press(*command, MAIL_SERVER="127.0.0.1", MAIL_PORT="9")
        assert refused.code == 1
        assert refused.err.endswith(f"run: chmod 600 {path}\n")


def signing(press: Press, **settings: str) -> dict[str, bool]:
    """Each selector, and whether its key signs."""
    return {key["selector"]: key["signs"] for key in json.loads(press("dkim", "show", "--json", **settings).out)}
