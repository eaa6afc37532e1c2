"""What is logged names nobody, whoever worded it."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
import structlog

from newsletter import logs
from newsletter.config import Settings

SAID = "550 5.1.1 <ada.lovelace@reader.example>: unknown; VERP bounce+s3cr3t@letters.example, postgresql://u:pw@db"


@pytest.fixture
def restored() -> Iterator[None]:
    """The way of logging that the other tests have."""
    handlers, level, kept = logging.root.handlers[:], logging.root.level, structlog.get_config()
    yield
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    structlog.configure(**kept)


def logged(capsys: pytest.CaptureFixture[str], tmp_path: Path, form: Literal["json", "console"]) -> list[str]:
    logs.configure(Settings(data_dir=tmp_path, log_format=form))
    log: Any = structlog.get_logger("ours")
    log.warning("the mail server cannot be used", reason=SAID)
    try:
        int(SAID)
    except ValueError:
        log.exception("copy failed")
        logging.getLogger("theirs").exception("%s", SAID)
    return capsys.readouterr().err.splitlines()


@pytest.mark.usefixtures("restored")
@pytest.mark.parametrize("form", ["json", "console"])
def test_no_log_line_holds_a_full_address_or_what_stands_before_an_at(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, form: Literal["json", "console"]
) -> None:
    lines = logged(capsys, tmp_path, form)
    told = "\n".join(lines)
    assert not any(word in told for word in ("lovelace", "s3cr3t", "pw@"))
    assert told.count("a…@reader.example" if form == "console" else r"a\u2026@reader.example") == 4
    assert form == "console" or all(json.loads(line)["level"] in {"warning", "error"} for line in lines)
