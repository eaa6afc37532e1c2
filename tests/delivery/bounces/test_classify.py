"""What servers' answers mean: one line for each way of saying it."""

import pytest

from newsletter.delivery.bounces.classify import classify
from newsletter.delivery.bounces.classify.wording import separate
from newsletter.delivery.bounces.report import ABOUT_US, Hardness, Reason

HARD = {Reason.USER_UNKNOWN, Reason.HOST_UNKNOWN, Reason.HAS_MOVED}

# Each with the host that said so, where that matters.
ANSWERS = """
userunknown    550 5.1.1 <a@example.org>: Recipient address rejected: User unknown in virtual mailbox table
userunknown    550 5.1.1 The email account that you tried to reach does not exist. - gsmtp
userunknown    550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found @ x.prod.outlook.com
userunknown    550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302). @ mx.protection.outlook.com
userunknown    550 5.4.1 Recipient address rejected: Access denied. AS(201806281) @ mx.protection.outlook.com
userunknown    554 delivery error: dd This user doesn't have a yahoo.com account (a@yahoo.com) @ mta7.am0.yahoodns.net
userunknown    552 1 Requested mail action aborted, mailbox not found @ mta5.am0.yahoodns.net
userunknown    554: delivery error: dd This user doesn't have a yahoo.com account - mta1.mail.gq1.yahoo.com
userunknown    550 5.7.1 No such user! @ mx.yandex.ru
userunknown    550 Message was not accepted -- invalid mailbox: user not found @ mxs.mail.ru
userunknown    550 User not found: a@163.com @ 163mx01.mxmail.netease.com
userunknown    550 user unknown @ mx01.t-online.de
userunknown    550 5.1.1 <a@icloud.com>: user does not exist @ mx01.mail.icloud.com
userunknown    550 Invalid Recipient - https://community.mimecast.com/docs/DOC-1369#550 @ eu-smtp-inbound-1.mimecast.com
userunknown    User jane (jane@example.org) not listed in Domino Directory
userunknown    Sorry, no mailbox here by that name. (#5.1.1)
userunknown    550 5.1.1 Benutzer unbekannt
hostunknown    Unrouteable address
hostunknown    Host or domain name not found. Name service error for name=example.invalid type=A: Host not found
hostunknown    Sorry, I couldn't find any host named example.invalid. (#5.1.2)
hostunknown    a@example.invalid: Invalid domain name
hostunknown    550 5.1.2 <a@example.invalid>... Host unknown
hasmoved       550 5.1.6 recipient no longer on server: a@icloud.com @ mx01.mail.icloud.com
hasmoved       551 5.1.6 user has moved to b@example.org
mailboxfull    452 4.2.2 The recipient's inbox is out of storage space. - gsmtp
mailboxfull    552 5.2.2 <a@example.org>: user is over quota
mailboxfull    550 Mailbox quota exceeded
mailboxfull    maildir delivery failed: Sorry, the user's maildir has overdrawn his diskspace quota, mailbox is full
suspend        550 5.2.1 The email account that you tried to reach is disabled. - gsmtp
suspend        554 30 Sorry, your message cannot be delivered. This mailbox is disabled (554.30). @ mx.aol.com
authfailure    550-5.7.26 This mail has been blocked because the sender is unauthenticated. - gsmtp
authfailure    550 5.7.515 Access denied, sending domain EXAMPLE.ORG doesn't meet the required authentication level.
authfailure    550 5.7.1 Email rejected per DMARC policy for example.org
authfailure    550 5.1.0 is not allowed to send from <x> per it's SPF Record. IB508 @ smtp.secureserver.net
badreputation  550 5.7.1 likely suspicious due to the very low reputation of the sending IP. - gsmtp
blocked        421 4.7.28 Gmail has detected an unusual rate of mail originating from your IP address. - gsmtp
blocked        550 5.7.1 part of their network is on our block list (S3150). @ x.protection.outlook.com
blocked        550 5.7.606 Access denied, banned sending IP [192.0.2.1] @ mx.protection.outlook.com
blocked        553 5.7.1 [BL21] Connections not accepted, the ip is in Spamhaus's list; @ mta.yahoodns.net
blocked        554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org
blocked        554 IP=192.0.2.1 - A problem occurred. (Ask your postmaster for help or to contact x@example.net) (BL)
blocked        550 5.5.0 service refused, please try later. LPN001_108 @ smtpz4.laposte.net
blocked        550 5.1.0 <b@example.org> sender rejected. Refer to www.cox.com/x. AUP#CDRBL @ cxr.mx.a.cloudfilter.net
blocked        554 gmx.example Nemesis ESMTP Service not available No SMTP service IP is black listed @ mx00.gmx.net
blocked        550 5.7.1 192.0.2.1 listed at bl.example.net
blocked        554 5.7.1 : (RTR:BL) https://postmaster.example/error-codes @ mailin-01.mx.aol.com
requireptr     554 No SMTP service Bad DNS PTR resource record. @ mx01.emig.gmx.net
requireptr     550 Reverse DNS lookup failed for 192.0.2.1
ratelimited    421 4.7.1 : (DYN:T1) https://postmaster.example/error-codes @ mailin-01.mx.aol.com
rejected       550 mailbox unavailable Invalid DNS MX or A/AAAA resource record. https://postmaster.gmx.net/en/case
rejected       421 4.7.0 [TSS04] Temporarily deferred due to unexpected volume or user complaints @ a.yahoodns.net
rejected       553 5.1.8 <b@example.org>: Invalid domain name (in reply to MAIL FROM command)
rejected       550 5.1.8 <bounce@example.org>: Sender address rejected: Domain not found
policyviolation 550 5.7.1 [CS01] Message rejected due to local policy. @ mx02.mail.icloud.com
policyviolation 550 mailbox unavailable Reject due to policy restrictions. See https://postmaster.web.de/en/case
policyviolation 554 Message not allowed - [PH01] Email not accepted for policy reasons. @ mta6.am0.yahoodns.net
ratelimited    450 4.2.1 The user you are trying to contact is receiving mail too quickly. - gsmtp
ratelimited    452 4.3.2 Too many connections from your host
ratelimited    550 5.1.0 sender rejected. See www.spectrum.net/x. AUP#In-1310 @ mx.a.cloudfilter.net
requireptr     550 5.7.25 The IP address sending this message does not have a PTR record setup. - gsmtp
spamdetected   554 5.7.1 This message has been identified as spam (in reply to end of DATA command)
spamdetected   554 rejected due to security policies - MCSpamSignature.sa.2.2 @ service1.mimecast.com
spamdetected   550-5.7.1 our system has detected that this message is likely unsolicited mail. - gsmtp
spamdetected   Message rejected. See https://support.google.com/mail/answer/69585 for more information.
spamdetected   550 5.7.1 Message rejected due to content restrictions
virusdetected  554 5.7.0 Your message was infected with a virus
virusdetected  550 Virus detected; content rejected (in reply to end of DATA command)
emailtoolarge  552 5.3.4 Message size exceeds fixed limit
norelaying     554 5.7.1 <a@example.org>: Relay access denied
norelaying     501 5.7.1 We do not relay
expired        connect to mx.example.org[192.0.2.1]:25: Connection timed out
expired        retry timeout exceeded
mailboxfull    mailbox is full: retry timeout exceeded
mailboxfull    LMTP error after RCPT TO: 452 4.2.2 <a@example.org> Quota exceeded (mailbox for user is full)
mailboxfull    Remote host said: 450 4.2.2 Mailbox full. This message has been in the queue too long.
requireptr     Delay reason: 450 service permits 2 unverifyable sending IPs
networkerror   wasn't able to establish an SMTP connection. (#4.4.1) This message has been in the queue too long.
networkerror   554 5.4.6 Too many hops
networkerror   DNS Error: DNS type 'mx' lookup of example.org responded with code SERVFAIL
networkerror   550 5.4.316 Message expired, connection refused(Socket error code 10061) @ a.prod.outlook.com
systemerror    mail for example.org loops back to myself
systemerror    CNAME lookup failed temporarily. (#4.4.3) This message has been in the queue too long.
systemerror    LMTP error after initial connection: 421 4.3.0 try later
systemerror    421 4.3.0 Upstream error @ route3.mx.cloudflare.net
systemerror    451 4.3.0 Please try again later
systemfull     452 4.3.1 Insufficient system storage
contenterror   554 5.6.0 Invalid MIME headers
syntaxerror    503 bad sequence of commands
mailererror    x-unix; 127
mailererror    x-unix; 550 5.1.1 Command died with status 127
mailererror    x-unix; 5.2.0 procmail: Lock failure
systemerror    554 "|exec /usr/local/bin/procmail -f- || exit 75 #jane"... Service unavailable
systemerror    x-unix; mail.local: temporary file write error
systemfull     procmail: No space left to finish writing "/var/mail/jane"
userunknown    x-unix; mail.local: jane: user unknown
userunknown    x-unix; mail.local: /var/mail/jane: user missing home directory
userunknown    vdeliver: Invalid or unknown base user or domain
userunknown    jane@example.org (user not found)
filtered       x-unix; vdelivermail: user does not exist, but will deliver to /home/jane
rejected       554 5.7.1 Email cannot be delivered. Reason: Email flagged as Spam. @ mx.zoho.eu
blocked        451 4.7.1 Greylisted, try again after some time @ mx.zoho.com
suspend        550 Ihr is a deactivated mailbox @ mx3.qq.com
rejected       550 Suspected spam, mail refused @ mx3.qq.com
rejected       550 5.7.1 RESOLVER.RST.NotAuthorized; not authorized
rejected       550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required
ratelimited    450 MI:SFQ 163 mx8 http://mail.163.com/help/help_spam_16.htm?ip=192.0.2.1 @ 163mx01.mxmail.netease.com
badreputation  421 HL:REP 163 mx9 http://mail.163.com/help/help_spam_16.htm?ip=192.0.2.1 @ 163mx01.mxmail.netease.com
blocked        501 5.7.1 <b@example.org>... Sender refused by the DNSBL bl.example.net (in reply to MAIL FROM command)
norelaying     550 relaying to a@example.org prohibited here
norelaying     554 a@example.org isn't allowed to relay
rejected       553 Sender Domain Resolve Fail
notcompliantrfc 550 5.7.512 message must be RFC 5322 section 3.6.2 compliant
networkerror   connection with mx.example.org is broken
networkerror   554 MailLoop
systemerror    451 System busy, try again later.
systemerror    550 5.0.0 Can't create output
hostunknown    No mail servers appear to exists for the recipient's address.
mailboxfull    552 recipient storage full
mailboxfull    550 Destinatario desconocido o mailbox lleno (in reply to RCPT TO command)
suspend        550 a@example.org... User account not activated
suspend        550 5.2.1 a@example.org is expired account
blocked        550 Connection denied @ mx3.qq.com
mailererror    4.3.0 temporary failure. Command output: scanner: no answer: Connection refused
securityerror  it was rejected by the recipient domain. The other server said: 550 5.7.1 Access denied (state 19).
filtered       it was rejected by the recipient domain. The other server said: 554 5.7.0 Header error (state 18).
failedstarttls 421 4.7.29 This message wasn't sent over a TLS connection. - gsmtp
securityerror  530 5.7.0 Authentication required
filtered       550 5.2.1 rejected by recipient
filtered       550 5.1.1 blocked by recipient
filtered       550 5.1.1 RCP-P2 http://postmaster.facebook.com/response_codes Refused due to recipient preferences
filtered       550 5.1.1 <a@example.org>: rejected by the recipient (in reply to RCPT TO command)
filtered       550 - Requested action not taken: no such user here
filtered       550 5.0.0 No such user (in reply to end of DATA command)
onhold         something that nobody has ever said
"""


def lines(table: str) -> list[tuple[str, str, str]]:
    """Each line's reason, words, and host."""
    split = [line.split(None, 1) for line in table.strip().splitlines()]
    return [(reason, *((words + " @ ").split(" @ ")[:2])) for reason, words in split]


@pytest.mark.parametrize(("reason", "words", "mta"), lines(ANSWERS))
def test_an_answer_is_classified_by_its_words_and_its_host(reason: str, words: str, mta: str) -> None:
    found, hardness, *_ = classify(words, mta=mta)
    assert found == reason
    assert (hardness is Hardness.HARD) == (found in HARD)


# Asked about the recipient (RCPT), servers say that there is none in many ways.
TOLD_OF_THE_RECIPIENT = """
userunknown    550 No such user here
userunknown    550 Unknown user a@example.org
userunknown    550 Invalid recipient
userunknown    550 Recipient not found
userunknown    551 not our customer
userunknown    550 User not a member of domain
userunknown    550-I am sorry but this name does not have an account here.
userunknown    553 5.3.0 Recipient address no longer exists
userunknown    550 mailbox not found
userunknown    550 Mailbox does not exist
userunknown    550 Requested action not taken: mailbox unavailable
userunknown    550 <a@example.org>: Recipient address rejected: Access denied
userunknown    550 <a@example.org>: user does not exist
userunknown    550 Account does not exist
userunknown    550 this user doesn't have a mail account here
userunknown    553 sorry, this recipient is in my badrcptto list (#5.7.1)
userunknown    550 Utilisateur inconnu
userunknown    550 Empfänger unbekannt
userunknown    550 Usuario desconocido
userunknown    550 utente sconosciuto
userunknown    550 Адресат не найден
userunknown    550 address unknown
userunknown    550 That address is not a valid mailbox
userunknown    550 no longer accepts mail
userunknown    550 This email address is not known to this system
userunknown    550 Nobody by that name here
userunknown    550 Invalid account
userunknown    550 L'adresse n'existe pas
userunknown    550 Diese Adresse existiert nicht
userunknown    550 La cuenta de correo no existe
userunknown    550 usuário inexistente
userunknown    550 indirizzo inesistente
userunknown    550 Gebruiker bestaat niet
userunknown    550 mottagaren finns inte
userunknown    550 Odbiorca a@example.org nie istnieje
userunknown    550 neexistující uživatel
userunknown    550 nem létező felhasználó
userunknown    550 почтовый ящик не найден
userunknown    550 ユーザーが見つかりません
userunknown    550 존재하지 않는 사용자
userunknown    550 收件人地址不存在
userunknown    550 #5.1.0 Address rejected.
userunknown    550 5.1.1 Address rejected
filtered       550 5.1.1 This address only accepts mail from its members
filtered       550 5.1.1 Mailbox is restricted
filtered       550 5.1.1 No external mail for this address
mailboxfull    550 5.1.1 user over disk limit
mailboxfull    550 5.1.1 User has exhausted allowed storage space
mailboxfull    550 5.1.1 Benutzer hat zuviele Mails auf dem Server
mailboxfull    550 5.1.1 Inbox full
mailboxfull    452 Mailbox full
mailboxfull    550 quota exceeded
mailboxfull    552 user is over quota
mailboxfull    554 mailbox size limit exceeded
mailboxfull    550 Postfach ist voll
mailboxfull    550 La boîte aux lettres est pleine
suspend        550 5.1.1 mailbox has been blocked due to inactivity
suspend        450 4.2.1 <a@example.org>: Recipient address rejected: mailbox is inactive and has been disabled
suspend        550 5.1.1 account closed
suspend        550 5.1.1 Esta casilla ha expirado por falta de uso
suspend        550 5.1.1 Podane konto jest zablokowane administracyjnie
suspend        550 5.1.1 compte désactivé
suspend        550 Account has been suspended
suspend        550 This account has been disabled
suspend        550 Mailbox disabled for this recipient
suspend        550 user deactivated mailbox: account deactivated
hostunknown    550 Domain does not exist
hostunknown    550 Unknown host
norelaying     550 Relaying denied
norelaying     554 Relay access denied
norelaying     553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)
norelaying     550 we do not relay; relaying not allowed
requireptr     550 no PTR record found.
requireptr     450 4.7.1 Client host rejected: cannot find your hostname
requireptr     554 Your reverse DNS is missing
blocked        554 Your IP address is on a block list
blocked        550 5.7.1 IP blacklisted by CSI, see http://csi.cloudmark.com/reset-request/?ip=192.0.2.1
blocked        550 Blocked using zen.spamhaus.org
blocked        554 5.7.1 rejected: listed at bl.spamcop.net
blocked        550 5.1.1 found in a DNS blacklist
blocked        554 No SMTP service, the IP address is black listed
blocked        421 Service not available, closing transmission channel
authfailure    550 SPF check failed
authfailure    550 rejected because of DMARC policy of example.org
badreputation  554 Your access to this mail system has been rejected due to poor reputation
ratelimited    421 Too many connections
ratelimited    450 rate limit exceeded
ratelimited    452 Too many recipients received this hour
rejected       550 Administrative prohibition
rejected       550 sender verify failed
policyviolation 550 rejected for policy reasons
policyviolation 550 Message blocked by local policy
virusdetected  554 virus found in the message
virusdetected  554 rejected due to virus
networkerror   450 Host not found, try again
systemerror    451 Temporary local problem, please try later
systemerror    554 mail server configuration error
systemfull     452 insufficient system storage
expired        451 timeout
failedstarttls 530 Must issue a STARTTLS command first
onhold         451 greylisting in action
onhold         550 5.1.1 greylisted for 5 minutes
onhold         550 5.1.1 temporarily rejected, user lookup failure
onhold         550 5.1.1 Recipient verification failed (temporary)
ratelimited    550 5.1.1 system load is too high
"""

# Of words that say little, but nothing of the recipient; beside any others they do not count.
SAYING_LITTLE = """
securityerror  550 Access denied
securityerror  550 5.7.1 Access denied
userunknown    550 Recipient address rejected: Access denied
userunknown    550 Message rejected: user unknown
spamdetected   550 Message rejected: spam
spamdetected   550 Ihre Nachricht wurde als Spam abgelehnt
spamdetected   550 Message refusé pour cause de spam
policyviolation 550 Your message was rejected
policyviolation 550 Mass mailing not allowed
policyviolation 550 We accept no mail from your country
blocked        550 Connection from 192.0.2.1 rejected
blocked        550 Bad HELO
rejected       550 Cannot verify sender
authfailure    550 Your domain has no valid SPF record
ratelimited    550 You have exceeded the number of messages allowed
failedstarttls 550 Encryption required
mailboxfull    550 Message rejected: mailbox is full
onhold         550 Rejected
"""

# Of the whole message, after its last line (DATA).
TOLD_OF_THE_MESSAGE = """
spamdetected   554 5.7.1 Message rejected as spam
spamdetected   550 5.7.1 Email refused per SPAM policy
spamdetected   554 5.7.1 blocked for FortiSpamshield's sake
spamdetected   550 5.7.1 This message looks like spam
spamdetected   554 5.7.1 Spam detected
spamdetected   550 5.7.0 Your message was considered unsolicited
spamdetected   552 5.2.0 spam content matched
spamdetected   554 5.7.1 rejected by SpamAssassin
spamdetected   550 5.7.1 high probability of spam
spamdetected   554 5.6.0 this message appears to be spam
emailtoolarge  552 Message too large
emailtoolarge  552 5.2.3 Message length exceeds administrative limit
emailtoolarge  554 size limit exceeded
contenterror   550 5.6.0 improper use of 8-bit data in message header
contenterror   554 5.6.1 attachment type not allowed
notcompliantrfc 550 5.7.1 This message is not RFC 5322 compliant
notcompliantrfc 554 5.6.0 duplicate header
policyviolation 552 5.7.0 illegal attachment on your message
filtered       550 user not found
filtered       554 rejected by the recipient
filtered       550 5.2.1 unknown user
blocked        554 Connection reset by peer
"""


@pytest.mark.parametrize(("reason", "words", "mta"), lines(TOLD_OF_THE_RECIPIENT) + lines(SAYING_LITTLE))
def test_an_answer_about_the_recipient_means(reason: str, words: str, mta: str) -> None:
    assert classify(words, mta=mta, command="RCPT")[0] == reason


@pytest.mark.parametrize(("reason", "words", "mta"), lines(TOLD_OF_THE_MESSAGE))
def test_an_answer_about_the_message_means(reason: str, words: str, mta: str) -> None:
    assert classify(words, mta=mta, command="DATA")[0] == reason


@pytest.mark.parametrize("command", ["RCPT", ""])
@pytest.mark.parametrize(
    "words",
    [
        "550 5.1.0 <bounce@press.example>: Sender address rejected: User unknown in local recipient table",
        "550 5.7.1 <bounce@press.example>: Sender address rejected: undeliverable address: 550 5.1.1 User unknown",
        "550-Verification failed for <b@press.example> 550-No Such User Here 550 Sender verify failed",
        "550 5.1.7 Invalid sender address: unknown user",
        "550 5.1.0 MAIL FROM address does not exist",
        "501 5.1.8 <bounce@press.example>... Domain of sender address does not exist",
        "550 Sender domain does not exist",
        "550 Your domain does not exist",
        "550 5.1.1 From address does not exist",
        "550 5.1.1 bounce address b@press.example does not exist",
        "550 5.1.2 HELO host unknown",
        "550 5.1.1 Unable to verify sender: user unknown",
        "550 5.1.2 No such domain in MAIL FROM",
        "554 5.7.1 Client host rejected: unknown host",
        "550 5.7.1 Unknown host: no PTR record for 192.0.2.9",
        "550 5.1.1 recipient rejected: too many spam complaints",
        "550 5.1.1 Recipient rejected due to local policy",
        "550 5.1.1 rate limit exceeded for this recipient",
        "550 5.1.1 192.0.2.9 has sent to too many recipients this hour",
        "550 5.1.1 infected with a virus",
        "554 5.1.1 recipient rejected, the message looks like phishing",
        "550 5.1.1 sender not authorized to send to this recipient",
        "550 5.1.1 <bounce@press.example>: unauthorized sender",
        "550 5.1.1 Your sender is blocked here",
        "550 5.1.0 Sender address does not resolve",
        "550 5.1.1 Callout to <b@press.example> failed: no such user",
        "550 5.1.1 rejected, spam",
        "550 5.1.1 access denied for your IP",
        "550 5.1.1 unauthenticated mail not accepted",
        "554 5.7.1 Denied: your host sent to unknown users",
    ],
)
def test_what_is_said_of_us_or_of_the_mail_is_never_held_against_a_reader(words: str, command: str) -> None:
    reason, hardness, *_ = classify(words, command=command)
    assert (hardness, reason in ABOUT_US) == (Hardness.SOFT, True)


@pytest.mark.parametrize(
    "words",
    [
        "550 5.1.1 internal server error",
        "550 5.1.1 mail loop detected",
        "550 5.1.1 command died with status 127",
        "550 5.1.1 user cannot receive mail at this time",
        "550 5.1.1 system error, try later",
        "550 5.1.1 <a@example.org>: Recipient address rejected: unverified address: connect timed out",
        "550 5.1.1 <a@example.org>: Recipient address rejected: Recipient address lookup failed",
        "smtp; 5.1.1 rejected, spam",
        "550 5.1.0 you have been unsubscribed",
        "550 5.1.2 message timed out in the queue",
    ],
)
def test_a_status_beside_words_of_another_cause_holds_nothing_against_a_reader(words: str) -> None:
    assert classify(words, command="RCPT").hardness is Hardness.SOFT


@pytest.mark.parametrize(
    "words",
    [
        "550 5.1.1 <policy@example.org> unknown",
        "550 5.1.1 <junk.mail@example.org>",
        "550 5.1.1 The recipient cannot be found. Message-ID: <1@spam.example>",
        "host antispam.example.org[192.0.2.1] said: 550 5.1.1 <a@example.org>: no (in reply to RCPT TO command)",
    ],
)
def test_what_addresses_and_hosts_are_called_outweighs_no_status(words: str) -> None:
    assert classify(words)[:2] == (Reason.USER_UNKNOWN, Hardness.HARD)


def test_single_words_of_a_notice_for_people_tell_nothing() -> None:
    words = "Your mail could not be delivered. This message has been scanned for viruses and is believed to be clean."
    assert classify(words)[:2] == (Reason.ON_HOLD, Hardness.SOFT)


def test_a_status_counts_more_than_single_words_of_a_notice_for_people() -> None:
    words = "This e-mail may be confidential: please delete it with all attachments. a@example.org"
    assert classify(words, "5.1.1")[:2] == (Reason.USER_UNKNOWN, Hardness.HARD)


@pytest.mark.parametrize("command", ["EHLO", "MAIL"])
def test_what_is_refused_before_the_recipient_is_named_is_not_about_the_recipient(command: str) -> None:
    assert classify("550 5.1.1 User unknown", command=command)[:2] == (Reason.REJECTED, Hardness.SOFT)


def test_what_nothing_decides_is_soft() -> None:
    assert classify("")[:2] == (Reason.UNDEFINED, Hardness.SOFT)
    assert classify("550 no")[:2] == (Reason.ON_HOLD, Hardness.SOFT)


def test_a_domain_that_takes_no_mail_is_hard_unless_that_may_change() -> None:
    assert classify("556 5.1.10 Recipient address has null MX")[:2] == (Reason.NOT_ACCEPT, Hardness.HARD)
    assert classify("No MX found for domain")[:2] == (Reason.NOT_ACCEPT, Hardness.HARD)
    assert classify("450 4.3.2 System not accepting network messages")[:2] == (Reason.NOT_ACCEPT, Hardness.SOFT)


def test_an_unknown_user_counts_where_the_server_was_asked_for_it() -> None:
    words = "550 no such user here"
    assert classify(words, command="RCPT")[:2] == (Reason.USER_UNKNOWN, Hardness.HARD)
    assert classify(words, command="DATA")[:2] == (Reason.FILTERED, Hardness.SOFT)
    assert classify(words)[:2] == (Reason.FILTERED, Hardness.SOFT)


def test_words_overrule_a_status_that_says_little() -> None:
    assert classify("5.0.0 mailbox is full", status="5.0.0")[0] is Reason.MAILBOX_FULL
    assert classify("552 5.2.2 over quota", status="5.1.0")[0] is Reason.MAILBOX_FULL


def test_the_code_that_each_line_of_an_answer_repeats_is_its_code() -> None:
    assert classify("550-There is nobody\n550-of this name.").code == "550"


def test_the_receivers_own_rules_come_first() -> None:
    words = "550 5.7.1 message rejected: Access denied, please try again later from 192.0.2.1"
    assert classify(words.replace("5.7.1", "4.7.500"), mta="a.mail.protection.outlook.com")[0] is Reason.BLOCKED
    assert classify(words)[0] is not Reason.BLOCKED


def test_a_status_tells_more_than_where_googles_dialogue_ended() -> None:
    assert classify("The other server returned: 550 550 no thanks (state 14).").reason is Reason.USER_UNKNOWN
    assert classify("The other server returned: 552 552 5.2.2 over (state 14).").reason is Reason.MAILBOX_FULL
    assert classify("The other server returned: 550 550 5.1.1 User unknown (state 14).").reason is Reason.USER_UNKNOWN


@pytest.mark.parametrize("piece", ["no", "rbl", "is spam", "a b c", "(spam)", "почта", "no such user"])
def test_a_phrase_is_found_wherever_it_stands(piece: str) -> None:
    plain, coded, gapped = separate(piece), separate(f"5.7.1 {piece}"), separate(f"{piece}*end")
    for text in (piece, f"a{piece}", f"{piece}z", f"before {piece} after"):
        assert (plain.any_in(text), coded.any_in(text, "5.7.1"), coded.any_in(text, "5.7.2")) == (True, True, False)
        assert (gapped.any_in(f"{text} and the end"), gapped.any_in(text)) == (True, False)
    assert not plain.any_in("-".join(piece))
