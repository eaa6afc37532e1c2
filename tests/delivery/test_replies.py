import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.delivery.smtp.replies import MAX_LINE, MAX_LINES, ProtocolError, Reply, ReplyReader


def test_a_reply_of_several_lines_is_one_reply() -> None:
    [reply] = ReplyReader().feed(b"250-mx.example.org\r\n250-SIZE 1000\r\n250 PIPELINING\r\n")
    assert reply == Reply(250, ("mx.example.org", "SIZE 1000", "PIPELINING"))


def test_the_enhanced_code_is_told_from_the_text() -> None:
    [known, none] = ReplyReader().feed(b"550 5.1.1 No such user\r\n550 5 bananas\r\n")
    assert (known.status, none.status) == ("5.1.1", None)


def test_a_bare_code_is_a_reply() -> None:
    assert ReplyReader().feed(b"250\r\n") == [Reply(250, ("",))]


def test_what_is_kept_of_a_reply_has_an_end_and_no_controls() -> None:
    [reply] = ReplyReader().feed(b"550 no\x00 \x1b[31m" + b"x" * 1000 + b"\xff\r\n")
    assert len(reply.text) == 500
    assert reply.text.isprintable()


@pytest.mark.parametrize(
    "lie",
    [
        b"moo\r\n",
        b"099 low\r\n",
        b"250+plus\r\n",
        b"250-first\r\n251 second\r\n",
        b"2" * (MAX_LINE + 1),
        b"250-more\r\n" * (MAX_LINES + 1),
        b"\r\n",
    ],
)
def test_what_is_no_reply_is_a_protocol_error(lie: bytes) -> None:
    with pytest.raises(ProtocolError):
        ReplyReader().feed(lie)


@given(st.lists(st.binary() | st.sampled_from([b"250 ok\r\n", b"250-more\r\n", b"\n"]), max_size=20))
def test_no_bytes_raise_anything_but_a_protocol_error(chunks: list[bytes]) -> None:
    reader = ReplyReader()
    try:
        for chunk in chunks:
            for reply in reader.feed(chunk):
                assert 200 <= reply.code < 600
    except ProtocolError:
        pass


@given(st.data())
def test_replies_are_the_same_however_the_bytes_are_cut(data: st.DataObject) -> None:
    whole = b"250-a\r\n250 b\r\n354 go\r\n550 5.1.1 no\r\n"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    reader = ReplyReader()
    edges = zip([0, *cuts], [*cuts, len(whole)], strict=True)
    replies = [reply for start, end in edges for reply in reader.feed(whole[start:end])]
    assert replies == ReplyReader().feed(whole)
    assert reader.idle
