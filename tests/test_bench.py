"""`make bench` on a machine that has not all that it needs: what can be measured is printed, and the rest is named."""

import pytest

from bench import __main__ as bench
from bench import sending, sinks
from bench.rows import Row


def test_without_postfix_a_row_says_so_and_the_others_are_printed_as_they_come(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def measure() -> Row:
        return Row("something else", "3/s", "2/s", 1.5, "≥ 1")

    def broken() -> Row:
        raise ZeroDivisionError

    monkeypatch.setattr(sinks, "_path", lambda _name: "")
    monkeypatch.setattr(bench, "MEASURES", (measure, sending.on_sqlite, sending.as_the_list_grows, measure, broken))
    with pytest.raises(ZeroDivisionError):
        bench.main([])
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split() == ["what", "ours", "reference,", "same", "run", "ratio", "reach"]
    assert [row.split()[0] for row in rows if "not measured: smtp-sink" in row] == [
        "sending.on_sqlite",
        "sending.as_the_list_grows",
    ]
    assert [row.split()[-1] for row in rows if "(Debian" in row] == ["postfix)"] * 2
    assert [row.index("3/s") for row in rows if "something else" in row] == [header.index("ours")] * 2
