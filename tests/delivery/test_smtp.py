"""Dialogues over lists: what is written, given what is answered."""

from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.delivery.smtp import protocol
from newsletter.delivery.smtp.protocol import ConnectionLost, Dialogue, Envelope, Extensions, SenderRefused
from newsletter.delivery.smtp.replies import ProtocolError, Reply, ReplyReader
from newsletter.errors import TransportDown

PLAIN = Extensions({})
PIPELINING = Extensions({"PIPELINING": ""})
ENVELOPE = Envelope("desk@example.org", "reader@example.org", 1234)


def played(dialogue: Dialogue, answers: Iterable[bytes]) -> tuple[list[bytes], object]:
    """What a dialogue wrote, and what it returned, when it was answered so."""
    answers = iter(answers)
    written = []
    ask = next(dialogue)
    while True:
        written.append(ask.data)
        try:
            replies = _heard(next(answers, b""))
            if len(replies) == ask.replies:
                ask = dialogue.send(replies)
            else:
                ask = dialogue.throw(ConnectionLost("the server hung up", replies))
        except StopIteration as end:
            return written, end.value


def _heard(data: bytes) -> Sequence[Reply]:
    return ReplyReader().feed(data)


def test_a_transaction_goes_out_in_one_write_where_the_server_pipelines() -> None:
    written, reply = played(protocol.offer(PIPELINING, ENVELOPE), [b"250 a\r\n250 b\r\n354 c\r\n"])
    assert written == [b"MAIL FROM:<desk@example.org>\r\nRCPT TO:<reader@example.org>\r\nDATA\r\n"]
    assert reply.code == 354


def test_a_transaction_goes_step_by_step_where_it_does_not() -> None:
    written, reply = played(protocol.offer(PLAIN, ENVELOPE), [b"250 a\r\n", b"250 b\r\n", b"354 c\r\n"])
    assert len(written) == 3
    assert reply.code == 354


def test_a_step_that_is_refused_is_the_last_and_is_undone() -> None:
    written, reply = played(protocol.offer(PLAIN, ENVELOPE), [b"250 a\r\n", b"550 5.1.1 no\r\n", b"250 reset\r\n"])
    assert written[2] == b"RSET\r\n"
    assert reply == Reply(550, ("5.1.1 no",))


def test_data_that_is_let_through_without_a_recipient_gets_an_empty_message() -> None:
    answers = [b"250 a\r\n550 no\r\n354 go on\r\n", b"554 nobody\r\n"]
    written, reply = played(protocol.offer(PIPELINING, ENVELOPE), answers)
    assert written[1] == b".\r\n"
    assert reply.code == 550


@pytest.mark.parametrize("extensions", [PLAIN, PIPELINING])
def test_a_refusal_stands_when_it_is_the_last_word(extensions: Extensions) -> None:
    step_by_step = [b"250 a\r\n", b"550 go away\r\n"]
    answers = step_by_step if extensions is PLAIN else [b"".join(step_by_step)]
    _, reply = played(protocol.offer(extensions, ENVELOPE), answers)
    assert reply.code == 550


def test_who_refuses_the_sender_says_nothing_about_the_reader() -> None:
    with pytest.raises(SenderRefused):
        played(protocol.offer(PLAIN, ENVELOPE), [b"550 5.7.1 sender rejected\r\n"])


def test_an_international_address_never_rides_to_a_server_that_cannot_take_it() -> None:
    international = Envelope("desk@example.org", "jürgen@example.org", 9)
    assert protocol.pipelined_commands(PIPELINING, international) == b""


def test_a_refusal_that_comes_while_the_message_is_written_is_heard() -> None:
    verdict = protocol.final_reply()
    next(verdict)
    with pytest.raises(StopIteration) as end:
        verdict.throw(ConnectionLost("the server hung up", [Reply(552, ("5.3.4 too big",))]))
    assert end.value.value.code == 552


def test_a_hang_up_without_a_refusal_is_one() -> None:
    with pytest.raises(ConnectionLost):
        played(protocol.offer(PIPELINING, ENVELOPE), [b"250 a\r\n250 b\r\n"])


@pytest.mark.parametrize("answer", [b"354 a\r\n250 b\r\n354 c\r\n", b"250 a\r\n250 b\r\n250 c\r\n"])
def test_answers_in_the_wrong_order_are_no_smtp(answer: bytes) -> None:
    with pytest.raises(ProtocolError):
        played(protocol.offer(PIPELINING, ENVELOPE), [answer])


def test_parameters_are_given_only_where_they_are_offered() -> None:
    offered = Extensions({"SIZE": "", "SMTPUTF8": "", "8BITMIME": ""})
    envelope = Envelope("desk@example.org", "jürgen@example.org", 9)
    written, _ = played(protocol.offer(offered, envelope), [b"555 no\r\n", b"250 reset\r\n"])
    assert written[0] == b"MAIL FROM:<desk@example.org> SIZE=9 BODY=8BITMIME SMTPUTF8\r\n"


@pytest.mark.parametrize("offered", ["DSN", "PIPELINING DSN"])
def test_a_failure_is_to_be_reported_under_the_copys_own_number(offered: str) -> None:
    answers = {"DSN": [b"250 a\r\n", b"250 b\r\n", b"354 c\r\n"], "PIPELINING DSN": [b"250 a\r\n250 b\r\n354 c\r\n"]}
    copy = Envelope("desk@example.org", "reader@example.org", 9, id="17")
    written, _ = played(protocol.offer(Extensions(dict.fromkeys(offered.split(), "")), copy), answers[offered])
    assert b"".join(written) == (
        b"MAIL FROM:<desk@example.org> RET=HDRS ENVID=17\r\n"
        b"RCPT TO:<reader@example.org> NOTIFY=FAILURE ORCPT=rfc822;reader@example.org\r\nDATA\r\n"
    )


def test_a_server_that_knows_no_ehlo_is_greeted_in_the_old_way() -> None:
    written, extensions = played(protocol.hello("me"), [b"502 what?\r\n", b"250 hello\r\n"])
    assert written == [b"EHLO me\r\n", b"HELO me\r\n"]
    assert extensions == PLAIN


def test_ehlo_tells_what_a_server_offers() -> None:
    _, extensions = played(protocol.hello("me"), [b"250-mx\r\n250-size 99\r\n250 AUTH login PLAIN\r\n"])
    assert "SIZE" in extensions
    assert extensions.mechanisms == {"LOGIN", "PLAIN"}


def test_there_is_no_going_on_without_tls() -> None:
    with pytest.raises(TransportDown, match="STARTTLS"):
        played(protocol.start_tls(PLAIN), [])


def test_logging_in_takes_the_way_that_is_offered() -> None:
    plain, _ = played(protocol.log_in(Extensions({"AUTH": "LOGIN PLAIN"}), "me", "pw"), [b"235 ok\r\n"])
    login, _ = played(
        protocol.log_in(Extensions({"AUTH": "LOGIN"}), "me", "pw"), [b"334 u\r\n", b"334 p\r\n", b"235 k\r\n"]
    )
    assert plain == [b"AUTH PLAIN AG1lAHB3\r\n"]
    assert login == [b"AUTH LOGIN\r\n", b"bWU=\r\n", b"cHc=\r\n"]


@pytest.mark.parametrize("answers", [[b"535 5.7.8 wrong\r\n"], []])
def test_a_password_that_is_not_taken_takes_the_server_down(answers: list[bytes]) -> None:
    with pytest.raises(TransportDown):
        played(protocol.log_in(Extensions({"AUTH": "PLAIN"}), "me", "pw"), answers)


LINES = st.sampled_from(
    [b"250 ok\r\n", b"250-more\r\n", b"354 go on\r\n", b"421 4.7.0 bye\r\n", b"451 4.3.0 later\r\n"]
)
ANSWERS = st.lists(
    st.one_of(LINES, st.sampled_from([b"550 5.1.1 no\r\n", b"552\r\n", b"220 hello\r\n"]), st.binary(max_size=9))
)


@given(st.lists(ANSWERS.map(b"".join)), st.sampled_from(["", "PIPELINING", "SIZE DSN", "PIPELINING SMTPUTF8 DSN"]))
def test_whatever_a_server_says_a_transaction_ends_in_a_verdict_or_an_outage(answers, offered) -> None:
    extensions = Extensions(dict.fromkeys(offered.split(), ""))
    try:
        _, reply = played(protocol.offer(extensions, ENVELOPE), answers)
    except TransportDown:
        return
    assert isinstance(reply, Reply)
    assert reply.code == 354 or reply.code >= 400


def test_an_original_recipient_is_told_in_xtext() -> None:
    assert protocol.xtext("ada+news=back@example.org") == "ada+2Bnews+3Dback@example.org"


@pytest.mark.parametrize(
    ("reply", "mechanisms"),
    [
        (b"250-mx\r\n250-AUTH LOGIN\r\n250 AUTH=PLAIN\r\n", {"LOGIN", "PLAIN"}),
        (b"250-mx\r\n250-AUTH CRAM-MD5\r\n250-SIZE 9\r\n250 AUTH PLAIN LOGIN\r\n", {"CRAM-MD5", "PLAIN", "LOGIN"}),
        (b"250-mx\r\n250 auth=plain login\r\n", {"PLAIN", "LOGIN"}),
        (b"250-mx\r\n250 AUTH PLAIN,LOGIN\r\n", {"PLAIN", "LOGIN"}),
    ],
)
def test_every_line_that_offers_a_way_to_log_in_counts(reply: bytes, mechanisms: set[str]) -> None:
    _, extensions = played(protocol.hello("me"), [reply])
    assert extensions.mechanisms == mechanisms


def test_a_way_to_log_in_that_we_do_not_know_is_said_plainly() -> None:
    with pytest.raises(TransportDown, match="but CRAM-MD5"):
        played(protocol.log_in(Extensions({"AUTH": "CRAM-MD5"}), "me", "pw"), [])
