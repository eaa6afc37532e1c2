"""What servers write for people, each in its own form; none of them adds a report for programs, or a poor one."""

import pytest

from newsletter.delivery.bounces.parse import parse
from newsletter.delivery.bounces.report import Kind
from tests.delivery.bounces.mails import READER, RETURNED, mail, multipart

DAEMON = {"From": "MAILER-DAEMON@mx.example.net"}

# Each with the server, the reason, and what it writes; `@` stands for the reader's address.
FORMS = {
    "sendmail userunknown": """\
        The original message was received at Thu, 29 Apr 2024 23:34:45 +0900
        from press.example.org [192.0.2.9]

           ----- The following addresses had permanent fatal errors -----
        <@>
            (reason: 550 5.1.1 <@>... User Unknown)

           ----- Transcript of session follows -----
        ... while talking to mx.example.com.:
        >>> RCPT To:<@>
        <<< 550 5.1.1 <@>... User Unknown
        550 5.1.1 <@>... User unknown
        """,
    "sendmail hostunknown": """\
           ----- The following addresses had permanent fatal errors -----
        <@>

           ----- Transcript of session follows -----
        550 5.1.2 <@>... Host unknown (Name server: example.com.: host not found)
        """,
    "sendmail5 userunknown": """\
           ----- Transcript of session follows -----
        While talking to mx.example.com:
        >>> RCPT To:<@>
        <<< 550 <@>... User unknown

           ----- Unsent message follows -----
        """,
    "Postfix mailboxfull": """\
        This is the mail system at host mx.example.net.

        I'm sorry to have to inform you that your message could not
        be delivered to one or more recipients. It's attached below.

        <@>: host mx.example.com[192.0.2.1] said: 552 5.2.2 <@>: Mailbox full
            (in reply to RCPT TO command)
        """,
    "Postfix hostunknown": """\
        This is the mail system at host mx.example.net.

        <@>: Host or domain name not found. Name service error for
            name=example.com type=A: Host not found
        """,
    "Postfix filtered": """\
        This is the mail system at host mx.example.net.

        <@>: host mx.example.com[192.0.2.1] said: 550 Unknown user @ (in
            reply to end of DATA command)
        """,
    "Exim userunknown": """\
        This message was created automatically by mail delivery software.

        A message that you sent could not be delivered to one or more of its
        recipients. This is a permanent error. The following address(es) failed:

          @
            host mx.example.com [192.0.2.1]
            SMTP error from remote mail server after RCPT TO:<@>:
            550 5.1.1 <@>: Recipient address rejected: User unknown

        ------ This is a copy of the message, including all the headers. ------
        """,
    "Exim hostunknown": """\
        The following address(es) failed:

          @
            Unrouteable address
        """,
    "Exim expired": """\
        The following address(es) failed:

          @
            retry timeout exceeded
        """,
    "Exim spamdetected": """\
        The following address(es) failed:

          @
            SMTP error from remote mail server after end of data:
            host mx.example.com [192.0.2.1]: 554 5.7.1 This message has been classified as spam
        """,
    "qmail hostunknown": """\
        Hi. This is the qmail-send program at example.net.
        I'm afraid I wasn't able to deliver your message to the following addresses.
        This is a permanent error; I've given up. Sorry it didn't work out.

        <@>:
        Sorry, I couldn't find any host named example.com. (#5.1.2)
        """,
    "qmail userunknown": """\
        Hi. This is the qmail-send program at example.net.
        I'm afraid I wasn't able to deliver your message to the following addresses.

        <@>:
        192.0.2.1 does not like recipient.
        Remote host said: 550 5.1.1 <@>: unknown user
        Giving up on 192.0.2.1.
        """,
    "Courier userunknown": """\
        This is a delivery status notification from mx.example.net,
        running the Courier mail server, version 0.75.

        ---------------------------------------------------------------------------

                                   UNDELIVERABLE MAIL

        Your message to the following recipients cannot be delivered:

        <@>:
            mx.example.com [192.0.2.1]:
        >>> RCPT TO:<@>
        <<< 550 5.1.1 <@>... User Unknown
        """,
    "OpenSMTPD hostunknown": """\
            Hi!

            This is the MAILER-DAEMON, please DO NOT REPLY to this email.

            An error has occurred while attempting to deliver a message for
            the following list of recipients:

        @: Domain does not exist

            Below is a copy of the original message:
        """,
    "Exchange userunknown": """\
        Your message

          To:      @
          Subject: The week
          Sent:    Thu, 4 Oct 2024 17:10:56 -0400

        did not reach the following recipient(s):

        @ on Thu, 4 Oct 2024 17:12:28 -0400
            The recipient name is not recognized
            The MTS-ID of the original message is: c=us;a= ;p=x;l=X-241004211232Z-1
            MSEXCH:IMS:X:Y:Z 0 (000C05A6) Unknown Recipient
        """,
    "Exchange-365 userunknown": """\
        Delivery has failed to these recipients or groups:

        reader@example.com<mailto:reader@example.com>
        The email address you entered couldn't be found. Please check the address.

        Diagnostic information for administrators:

        Generating server: AM0PR01MB0001.eurprd01.prod.exchangelabs.com

        @
        Remote Server returned '550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup'

        Original message headers:
        """,
    "Exchange-German userunknown": """\
        Fehler bei der Nachrichtenzustellung an folgende Empfänger oder Gruppen:

        @
        Die eingegebene E-Mail-Adresse konnte nicht gefunden werden.

        Diagnoseinformationen für Administratoren:

        Generierender Server: mail.example.net

        @
        #550 5.1.1 RESOLVER.ADR.RecipNotFound; not found ##
        """,
    "Gmail userunknown": """\
        Delivery to the following recipient failed permanently:

             @

        Technical details of permanent failure:
        Google tried to deliver your message, but it was rejected by the server for the recipient domain.
        The error that the other server returned was: 550 550 5.1.1 <@>... User Unknown (state 14).

        ----- Original message -----
        """,
    "Yahoo suspend": """\
        Sorry, we were unable to deliver your message to the following address.

        <@>:
        Remote host said: 554 delivery error: dd This account has been disabled or discontinued [#102] [BODY]

        --- Below this line is a copy of the message.
        """,
    "GMX userunknown": """\
        This message was created automatically by mail delivery software.

        A message that you sent could not be delivered to one or more of
        its recipients. This is a permanent error. The following address
        failed:

        "@":
        SMTP error from remote server after RCPT command:
        host: mx.example.com
        5.1.1 <@>... User Unknown

        --- The header of the original message is following. ---
        """,
    "1&1 emailtoolarge": """\
        This message was created automatically by mail delivery software.

        A message that you sent could not be delivered to one or more of its recipients.

        The following address failed:

        @

        For the following reason:

        Mail size limit exceeded. For explanation visit
        http://postmaster.1and1.com/en/error-messages

        --- The header of the original message is following. ---
        """,
    "Domino userunknown": """\
        Your message

          Subject: The week

        was not delivered to:

          @

        because:

          User reader (@) not listed in Domino Directory
        """,
    "Notes userunknown": """\
        ------- Failure Reasons  --------

        User not listed in public Name & Address Book
        @

        ------- Returned Message --------
        """,
    "MailMarshal userunknown": """\
        Your message:
           From:    press@news.example.org
           Subject: The week

        Could not be delivered because of

        550 5.1.1 User unknown

        The following recipients were affected:
            @

        Additional Information
        ======================
        Original Sender:    <press@news.example.org>
        """,
    "MailFoundry filtered": """\
        Unable to deliver message to: <@>
        Delivery failed for the following reason:
        Server mx.example.com[192.0.2.1] failed with: 550 <@> No such user here

        This has been a permanent failure.  No further delivery attempts will be made.
        """,
    "InterScan userunknown": """\
        Unable to deliver message to <@>.

        Sent <<< RCPT TO:<@>
        Received >>> 550 5.1.1 <@>... user unknown
        """,
    "InterScan's notice userunknown": """\
        Message from InterScan Messaging Security Suite

        Unable to deliver message to <@> (and other recipients in the same domain). Please check if address is correct.
        """,
    "McAfee userunknown": """\
           --- The following addresses had delivery problems ---

        <@>   (User unknown @)
        """,
    "IMail userunknown": """\
        Unknown user: @

        Original message follows.
        """,
    "IMail mailboxfull": """\
        User mailbox exceeds allowed size: @

        Original message follows.
        """,
    "MessagingServer userunknown": """\
        This report relates to a message you sent with the following header fields:

          Message-id: <copy-1@news.example.org>
          To: @

        Your message cannot be delivered to the following recipients:

          Recipient address: @
          Reason: Remote SMTP server has rejected address
          Diagnostic code: smtp;550 5.1.1 <@>... User Unknown
          Remote system: dns;mx.example.com (TCP|192.0.2.9|1|192.0.2.1|25)
        """,
    "James filtered": """\
        This message could not be delivered. It is attached.

        Message details:
          Subject: The week
          MAIL FROM: press@news.example.org
          RCPT TO: @
          From: Press <press@news.example.org>

        Error message below:
        550 - Requested action not taken: no such user there
        """,
    "au mailboxfull": """\
        Your mail sent on: Thu, 29 Apr 2024 00:00:00 +0900
             Could not be delivered to: <@>
             As their mailbox is full.
        """,
    "EZweb suspend": """\
        The user(s) account is disabled.

        <@>: 550 user unknown (in reply to RCPT TO command)
        """,
    "EZweb-remote userunknown": """\
        Each of the following recipients was rejected by a remote
        mail server.

           Recipient: <@>
           >>> RCPT TO:<@>
           <<< 550 <@>: User unknown
        """,
    "ActiveHunter userunknown": """\
          ----- The following addresses had permanent fatal errors -----

        >>> @ <@>

          ----- Transcript of session follows -----
        550 5.1.1 <@>: Recipient address rejected: User unknown in local recipient table
        """,
    "Zoho mailboxfull": """\
        This message was created automatically by mail delivery software.
        A message that you sent could not be delivered to one or more of its recipients. This is a permanent error.

        @ Your mail to @ was not delivered, ERROR CODE :550 - 5.2.2 Mailbox is full

        """,
    "Google-Groups rejected": """\
        Guten Tag,

        möglicherweise gibt es die Gruppe nicht, oder Sie dürfen nicht an sie schreiben.
        Hilfe finden Sie unter https://groups.google.com/support/.
        """,
    "Yandex userunknown": """\
        This is the mail system at host yandex.ru.

        I'm sorry to have to inform you that your message could not
        be delivered to one or more recipients.

        <@>: host mx.example.com[192.0.2.1] said: 550 5.1.1
            <@>: User unknown (in reply to RCPT TO command)
        """,
    "mail.ru filtered": """\
        This message was created automatically by mail delivery software.

        The following address(es) failed:

          @
            SMTP error from remote mail server after end of data:
            host mx.example.com [192.0.2.1]: 550 spam message discarded, user not found

        """,
    "Barracuda spamdetected": """\
        Your message to:  <@>
        was blocked by our Spam Firewall. The email you sent with the following subject has NOT BEEN DELIVERED:

        Subject: The week
        """,
    "French userunknown": """\
        Votre message n'a pas pu être remis aux destinataires suivants :

        <@> : 550 5.1.1 Adresse d au moins un destinataire invalide. Invalid recipient. OFR204_416 [416]
        """,
}


def text_of(form: str) -> str:
    lines = [line.removeprefix("        ") for line in FORMS[form].splitlines()]
    marks = [
        " ".join(part.replace("@", READER) if part.strip('<>"():;,') == "@" else part for part in line.split(" "))
        for line in lines
    ]
    text = "\n".join(marks).replace("<@>", f"<{READER}>").replace(":<@>", f":<{READER}>").replace('"@"', f'"{READER}"')
    return text.replace("(@)", f"({READER})").replace("@: ", f"{READER}: ").replace(" @)", f" {READER})")


@pytest.mark.parametrize("form", FORMS)
def test_each_server_has_its_form(form: str) -> None:
    told = parse(mail(text_of(form), RETURNED, **DAEMON))
    assert told.kind is Kind.BOUNCE
    assert [(one.address, one.reason.value) for one in told.recipients] == [(READER, form.split()[-1])]


@pytest.mark.parametrize("form", FORMS)
def test_it_may_be_in_html_or_in_a_part(form: str) -> None:
    markup = "<br>".join(text_of(form).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").splitlines())
    parts = [("text/html; charset=utf-8", f"<html><body>{markup}</body></html>"), ("message/rfc822", RETURNED)]
    told = parse(multipart(parts, **DAEMON))
    assert [(one.address, one.reason.value) for one in told.recipients] == [(READER, form.split()[-1])]


DELAYS = [
    "This is a warning message only; do not resend your message.\n\n<reader@example.com>: Connection timed out",
    "A message is delayed for the following recipients:\n\nreader@example.com: Network error on destination MXs",
    "A message that you sent has not yet been delivered to one of its recipients.\n\n  reader@example.com\n",
    "Die Zustellung ist verzögert:\n\n<reader@example.com>: 451 4.4.1 no answer",
]


@pytest.mark.parametrize("words", DELAYS)
def test_a_delay_is_no_bounce_yet(words: str) -> None:
    told = parse(mail(words, subject="Delivery status", **DAEMON))
    assert told.kind is Kind.DELAY
    assert [(one.address, one.action) for one in told.recipients] == [(READER, "delayed")]
