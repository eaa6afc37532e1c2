"""What servers say of the message: its size, its form, its content."""

from newsletter.delivery.bounces.report import Reason

MESSAGE: dict[Reason, str] = {
    Reason.EMAIL_TOO_LARGE: """
        message too large | message too big | message is too large | message is too big | too big for
        message size exceeds | message exceeds * size | message file too big | size limit | sizelimit
        message length exceeds | maximum * message size | max message size | line limit exceeded
        message header size exceeds limit | exceeded maximum inbound message size | message exceeds maximum
        larger than the current system limit | exceeds size limit | mail too big | too large to send
        taille limite du message atteinte | nachricht * zu groß | message * trop volumineux
    """,
    Reason.NOT_COMPLIANT: """
        rfc 5322 compliant | rfc 5322 section | rfc 2822 compliant | rfc compliant
        rfcmessagenoncompliant | duplicate header | duplicated message-id
        multiple * header | not rfc 5322 | not comply with rfc | violates rfc
    """,
    Reason.CONTENT: """
        improper use of 8-bit data | invalid mime header | mime complexity | improperly-formatted binary
        header size exceeds maximum permitted | header size, or recipient list, exceeds | unnecessary base64
        too many received: headers | routing loop detected -- too many received | bare linefeed | bare lf
        stray linefeed | attachment * not allowed | attachment type | content not accepted | 8-bit data
        binary data in message | mime/reject | invalid header | message contains bare | charset not allowed
    """,
    Reason.SPAM: """
        # It looks like spam to a filter.
        spam detected | detected as spam | identified * as spam | classified as spam | considered * spam
        considered unsolicited | rejected as spam | message as spam | looks like spam | looked like spam
        seems to be * spam | appears to be * spam | appears to be unsolicited | likely unsolicited | is spam
        probably spam | probable spam | possible spam | suspected spam | may be spam | may consider spam
        similar to spam | spam-like | spam like | probability of * spam | this email is spam | as bulk mail
        scored * spam | spam points | spam score | dsbl.org | help_spam_16 | drbl.imedia | as a bulk email
        mail score ( | spam content matched | the spam contents | contains spam | - spam
        spam message | spam email | spam mail | spam or virus | spam/virus | junk mail | bulk e-mail
        suspicion of spam | spam policy | spamshield
        # It refuses spam.
        spam refused | spam rejected | spam rejection | spam not accepted | spam block | block for spam
        no spam please | don't accept spam | dont accept spam | do not accept spam | spamming not allowed
        too much spam | too many spam complaints | because of spam | due to spam | (spam) | spam list | spam check
        antispam check | anti-spam | anti spam engine | spam filter | spamfilter | spam * exceeded
        # Its filter has a name.
        spamassassin | spamprofiler | spambouncer | spamhunter | spam firewall | junkemailfilter | cloudmark
        spamcatcher | spamtrap | rejected by recurrent pattern detection | uribl | surbl | dbl.spamhaus
        # Of the content, in other words.
        content reject | content denied | content filter | content restriction | unacceptable content | banned content
        rejecting mail content | blacklisted url | sender domain listed at | bulk.advertising
        phishing | detected as bulk
        blocked by our filter | message filtered | 554 5.7.0 reject, id= | rejected - bulk | mass-mailing
        blocked for abuse | message rejected for policy reasons | our system has detected that this message is
        greylisted* please try again in | mail rejete. mail rejected. *506 | unsolicited bulk | unsolicited email
    """,
    Reason.VIRUS: """
        due to virus | due to a virus
        virus detected | infected with | virus found | prohibited virus | potentially executable attachment
        recent viruses or other malware | contains a virus | malware | virus infected
    """,
    Reason.POLICY: """
        denied by policy | rejected for policy | policy reasons | local policy | security policies | policy rule
        policy violation | policy restriction | organization policy | organizational settings | policy that
        illegal attachment | potential security issue | content presents a potential | protocol violation
        closed mailing list | non-member to a members-only | not subscribed | closed to non-members
        have been unsubscribed | members-only list | header error | header are not accepted
        messages with multiple addresses | given low priority
        containing images or other attachments | is not accepting mail with | list is moderated | mass mailer
        extension is forbidden | email policy | corporate policy | policy of the recipient
    """,
}
