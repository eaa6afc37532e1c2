"""General phrases in servers' answers, whatever the server: each reason with its phrases, arranged by meaning.

Written in small letters, with `|` between phrases and `*` for a gap; see `wording`. Most of them come from many
servers' answers, some from what a product documents. The order in which reasons are looked for is in `classify`.
"""

from collections.abc import Mapping
from functools import lru_cache

from newsletter.delivery.bounces.classify.wording import separate
from newsletter.delivery.bounces.report import Reason

_RULES: Mapping[Reason, str] = {
    Reason.USER_UNKNOWN: """
        # There is none of this name.
        user unknown | unknown user | user not known | is not a known user | unknown recipient | recipient unknown
        recipientunknown | recipient is unknown | address unknown | mailbox unknown | unknown mailbox
        unknown local part | unknown local-part | unknown email address | unknown account | unknown e-mail address
        unknown address | unknown or illegal alias | account unknown | unknown login | user (*) unknown
        invalid or unknown | rejected: unknown user | rejected: userunknown | unknown or invalid | no such user
        no such recipient | no such mailbox | no such address | no such person | no such local | no such account
        no such e-mail address | no such email | no such alias | no user by that name | no such a user
        no one at this address | no mailbox here | no mailbox by that name | no mailbox found
        no mail box available | no account by that name | no valid recipients, bye | no valid mailbox | no user here
        address is unknown | user is unknown | is not known to this | unknown or illegal user | unknown virtual user
        no such mail | nobody by that name | no one with that | no one by that | doesn't handle mail for that user
        non-existent user | non existent user | nonexistent user | nonexistent mailbox | not present in dir
        no * in name directory | not listed in * directory | not listed in domino | not listed in public name
        # It is not there (any more).
        user does not exist | user doesn't exist | user not found | user not exist | user * was not found
        user * does not exist | user <*> does not exist | user's email name is not found | does not exist here
        recipient does not exist | recipient doesn't exist | recipient not found | recipient not exist
        recipient * was not found in | recipient * does not exist | recipient notfound | recipnotfound
        recipientnotfound | rcpt <*> does not exist | rcpt (*t exist | couldn't be found | wasn't found at
        address does not exist | address doesn't exist | address not found | address could not be found
        address couldn't be found | <*> not found | email address not found | no longer a valid
        account * does not exist | account does not exist | account doesn't exist | account not found
        account that you tried to reach does not exist | mailbox does not exist | mailbox doesn't exist
        mailbox not found | mailbox not present | mailbox * does not exist | mailbox * not found | does not exist.
        does not exist at the organization | doesn't have a * account | no longer in use | no longer available at
        is no longer valid | no longer with | wrong or no longer valid | destination addresses were unknown
        not a valid email | spectator does not exist | address_not_found | address was not found | not found in ldap
        account not exist | mailbox not exist | address not exist | unable to find alias | address no longer valid
        # It is of no use as an address.
        invalid recipient | recipient invalid | invalid mailbox | mailbox invalid | invalid address | invalid user
        user invalid | invalid-recipient | 550 address invalid | bad destination mailbox | #5.1.1 bad address
        bad address - | bad recipient | bad-recipient | bad_recipient | address is invalid | not a valid recipient
        not a valid user | not a valid mailbox | is not a valid address | is not an active address
        not a local address | recipient is not local | not our local user | not email addresses | recipient not ok
        recipient is not accepted | can't accept user | user not active | user missing home directory
        invalid account | invalid email address | invalid e-mail address
        no longer accepts mail | no longer active | inactive email address | mailbox is inactive | mailbox inactive
        # The server does not say more, but says it of the mailbox.
        mailbox is unavailable | mailbox unavailable | mailbox unavaiable | mailbox * unavailable
        account unavailable | recipient address rejected: access denied | refuses to accept your mail
        recipient address rejected: * in * table | recipient address rejected. (in reply to rcpt
        *5.1.0 address rejected | *5.1.1 address rejected | rejected recipients | recipients were undeliverable
        following recipients was undeliverable | <*>... blocked by | badrcptto | badrecipientto | validrcptto
        envelope recipient has been denied | domain or user isn't in my list of allowed rcpthosts
        # In other languages: Italian, Spanish, Portuguese,
        nessun utente simile | utente sconosciuto | utente inesistente | destinatario sconosciuto | destin. sconosciuto
        destinatario errato | indirizzo inesistente | casella inesistente | casella * non esiste
        no existe dicha persona | no existe ese usuario | usuario desconocido | usuario no existe | usuario inexistente
        destinatario desconocido | destinatario no existe | destinatario inexistente | dirección * no existe
        direccion * no existe | cuenta * no existe | cuenta inexistente | buzón * no existe | buzon * no existe
        usuário desconhecido | usuário inexistente | usuário não existe | destinatário desconhecido
        destinatário inexistente | caixa postal inexistente | conta inexistente | endereço não existe
        # French, German, Dutch,
        utilisateur inconnu | utilisateur inexistant | utilisateur n'existe pas | destinataire inconnu
        destinataire inexistant | destinataire invalide | adresse inconnue | adresse * inexistante
        adresse * n'existe pas | compte * n'existe pas | compte inexistant | boîte aux lettres inconnue
        adresse nicht gefunden | adresse existiert nicht | adressat unbekannt | empfänger unbekannt
        empfaenger unbekannt | empfänger existiert nicht | empfaenger existiert nicht | benutzer unbekannt
        benutzer existiert nicht | konto existiert nicht | postfach existiert nicht
        gebruiker onbekend | onbekende gebruiker | gebruiker bestaat niet | adres bestaat niet
        # Danish, Norwegian, Swedish, Finnish,
        brugeren findes ikke | modtageren findes ikke | adressen findes ikke | ukjent bruker | brukeren finnes ikke
        okänd användare | användaren finns inte | mottagaren finns inte | adressen finns inte | käyttäjää ei löydy
        # Polish, Czech, Hungarian, Russian, Turkish,
        nieznany użytkownik | nie ma takiego uzytkownika | nie ma takiego użytkownika | nie ma takiego konta
        użytkownik * nie istnieje | odbiorca * nie istnieje | konto * nie istnieje | adres * nie istnieje
        uživatel neexistuje | neexistující uživatel | adresát neexistuje | schránka neexistuje
        ismeretlen felhasználó | ismeretlen címzett | nem létező felhasználó
        пользователь не найден | пользователь не существует | такого пользователя нет | нет такого пользователя
        адресат не найден | ящик не найден | ящик не существует | kullanıcı bulunamadı
        # Japanese, Korean, Chinese.
        あて先が見つかりません | ユーザーが見つかりません | ユーザが見つかりません | 존재하지 않는 사용자
        用户不存在 | 收件人不存在 | 收件人地址不存在 | 邮箱不存在 | 无此用户 | 使用者不存在
    """,
    Reason.FILTERED: """
        blocked by recipient
        user reject | rejected due to user rules | refused due to recipient preferences | message filtered
        refuses to receive this mail | refuse to receive mail | blocked by the recipient | account is protected
        is not accepting any mail | is not accepting mail | only accepting mail from specific email addresses
        not found recipient account | has restricted sms e-mail | bounced address | restricted by the user
        resolver.rst.notauthorized | due to extended inactivity new mail is not currently being accepted
        rejected by recipient | rejected by the recipient | 受信拒否
        # Whom the recipient wants mail from.
        only accepts m | accepts mail only | has blocked you | mailbox is restricted | delivery restricted
        delivery is restricted | no external mail | reachable from outside | for internal use | refuses mail from
        not accept mail from you | mail from your address | on vacation | allowed senders
        not allowed to send to
    """,
    Reason.HAS_MOVED: """
        has been replaced by | recipient no longer on server | has moved to | account has been moved
        address has changed | email address has been changed | user has moved
    """,
    Reason.MAILBOX_FULL: """
        mailbox full | mailbox is full | mailbox * full | full mailbox | inbox is full | mailfolder is full
        over quota | over the quota | over * quota | overquota | over-quota | quota exceeded | quota * exceeded
        exceeded * quota | exceeding * quota | quotaexceeded | exceeds * quota | account is * quota | disk quota
        diskquota | disc quota | mailbox quota | mailbox * quota | maildir * quota | quota violation
        quota exhausted | mailbox * exceeded * limit | mailbox size limit exceeded | mailbox exceeds allowed size
        exceeded storage | exceeded its disk space | would exceed maximum allowed storage | out of storage space
        storage limit | insufficient disk space | enough * space | no space left on device
        not sufficient disk space | not enough storage | mail file size exceeds the maximum size allowed
        too many messages on the server | too much mail data | user's space has been used up
        zuviele mails | zu viele mails | exhausted allowed storage | user has exceeded | inbox full | mailbox is over
        over disk limit | diskspace quota | space has been used up
        for exceeding receiving limits | boite du destinataire pleine | boîte * pleine
        quota dépassé | cuota excedida | cuota superada | quota superata | cota excedida | caixa de correio cheia
        casilla llena | buzón lleno | buzon lleno | casella piena | caixa postal cheia | postfach * voll
        postfach voll | speicherplatz | mailbox vol | skrzynka * pełna | ящик переполнен | 邮箱已满
        postvak is vol | inkorgen är full | schránka je plná | 邮箱空间已满 | 邮箱容量已满 | 信箱已滿
        メールボックスの容量
    """,
    Reason.SUSPENDED: """
        account is disabled | account disabled | account has been disabled | account that you tried * disabled
        account that you tried to reach is inactive | account is inactive | inactive account | is suspended
        mailbox disabled | mailbox is disabled | user is disabled | user disabled | user or domain is disabled
        has been suspended | currently suspended | temporarily suspended | account suspended | user suspended
        is frozen | been frozen | account is locked | temporary locked | temporarily inactive
        mailbox unavailable or access denied
        deactivated mailbox | account deactivated | has been deactivated | invalid/inactive user
        user is terminated | account has expired | account expired | suspend the service | archived recipient
        account inactive | inactive user | due to inactivity | locked or suspended | mailbox was disabled
        temporarily disabled | currently disabled | account on hold | mailbox deactivated
        mailbox has been disabled | inactive and has been disabled
        account closed | account is closed | account has been closed
        mailbox closed | mailbox is closed | casilla ha expirado | en estado: inactivo | cuenta desactivada
        cuenta deshabilitada | cuenta cerrada | conta desativada | conta suspensa | bloccato per inutilizzo
        account disattivato | casella disattivata | compte désactivé | compte suspendu | konto gesperrt
        konto deaktiviert | postfach deaktiviert | konto jest zablokowane
        account is not active | mailbox disabled for this recipient | has not been activated
        boite du destinataire archivee | konto ist gesperrt | postfach * gesperrt | cuenta suspendida
    """,
    Reason.HOST_UNKNOWN: """
        domain existiert nicht | unbekannte domain | dominio no existe | dominio inesistente | domaine inconnu
        domaine n'existe pas | domena nie istnieje | домен не существует
        domain does not exist | domain doesn't exist | domain must exist | no such domain | unknown domain
        domain is not reachable | domain name not found | domain not found | mail domain * is unknown | host unknown
        unknown host | host unreachable | host or domain name not found | host name is unknown
        couldn't find any host by that name | couldn't find any host named | couldn't find * domain | no such host
        bad host name | name or service not known | unroutable address | unrouteable address
        account or domain may not exist | 553 * does not exist | nxdomain | non-existent domain
        dns domain * does not exist | invalid domain name in recipient | domain * couldn't be found
    """,
    Reason.EMAIL_TOO_LARGE: """
        message too large | message too big | message is too large | message is too big | too big for
        message size exceeds | message exceeds * size | message file too big | size limit | sizelimit
        message length exceeds | maximum * message size | max message size | line limit exceeded
        message header size exceeds limit | exceeded maximum inbound message size | message exceeds maximum
        larger than the current system limit | exceeds size limit | mail too big | too large to send
        taille limite du message atteinte | nachricht * zu groß | message * trop volumineux
    """,
    Reason.NO_RELAYING: """
        relay access denied | relay denied | relaying denied | relay not permitted | relaying not permitted
        relaying mail to | relaying not allowed | relaying is not allowed | relaying disallowed | no relaying
        unable to relay | not allowed to relay | not permitted to relay | not configured to relay | as a relay
        insecure mail relay | not an open relay | relaying prohibited | does not relay | relay prohibited
        do not relay | don't relay
        that domain isn't in my list of allowed rcpthost | not a gateway | not local host
        we don't handle mail for | requires authentication when attempting to send | specified domain is not allowed
        email address is not verified | no relay | not hosted here
    """,
    Reason.AUTHENTICATION: """
        dmarc policy | dmarc verification | dmarc * fail | failed dmarc | dmarc check failed | //spf.pobox.com
        spf fail | failed spf | spf check: fail | spf check failed | spf validation | bad spf record
        sender policy framework * fail | sender policy framework violation | inspect your spf settings
        not allowed to send from <* per it's spf | not allowed to send mail.*_401 | spf record * hard fail
        dkim * fail | dkim check failed | failed dkim | spf (sender policy framework) domain authentication
        authenticate with either spf or dkim | pass either spf or dkim | not aligned with
        authentication requirements defined for the sender | not pass dmarc
        unauthenticated email from | required authentication level | sender is unauthenticated
    """,
    Reason.REQUIRE_PTR: """
        ptr record | ptr resource record | no ptr | missing ptr | ptr-record | no rdns | invalid rdns | reverse dns
        reverse lookup | ip name lookup failed | cannot find your hostname | find your reverse
        cannot resolve your address | unresolvable relay host | mismatches client ip | unverifyable sending ip
        dns lookup failure: * try again later | forward dns entry does not point | no dns entry for your ip
    """,
    Reason.NOT_COMPLIANT: """
        rfc 5322 compliant | rfc 2822 compliant | rfc compliant | rfcmessagenoncompliant | duplicate header
        multiple * header | not rfc 5322 | not comply with rfc | violates rfc
    """,
    Reason.BAD_REPUTATION: """
        poor reputation | low reputation | bad reputation | poor email reputation | reputation problem
        ip reputation | reputation score | poor sender reputation
        negative reputation | senderscore | sender score
    """,
    Reason.CONTENT: """
        improper use of 8-bit data | invalid mime header | mime complexity | improperly-formatted binary
        header size exceeds maximum permitted | header size, or recipient list, exceeds | unnecessary base64
        too many received: headers | routing loop detected -- too many received | bare linefeed | bare lf
        stray linefeed | attachment * not allowed | attachment type | content not accepted | 8-bit data
        binary data in message | invalid header | message contains bare | charset not allowed
    """,
    Reason.REJECTED: """
        sender address rejected | sender rejected | sender was rejected | sender denied | sender refused
        sender verify failed | sender address verification | callout verification | sender is spammer
        invalid sender | unroutable sender | sender not pre-approved | sender domain is empty
        domain of sender address | sender domain must | without a valid sender domain | sender in my black
        sender is in my black | sender blacklisted | sender * blacklisted | badmailfrom | envelope sender
        address rejected | administrative prohibition | administratively prohibited | envelope blocked
        bogus mail from | mail from not owned
        batv | backscatter protection | null sender | empty envelope sender | no third-party dsns
        isn't on the recipient's list of senders | valid-address-filter | returned mail not accepted
        does not exist e2110 | emetteur invalide | addresses rejected : | syntax error: empty email
        unsigned dsn | address that has been blacklisted | adresse emetteur | from: domain is invalid
        fully qualified email address required | invalid domain, see <url: | not a registered gateway user
        email address has been blacklisted | sent from * blacklisted | delivery not authorized, message refused
        not allowed to post to this mailing list | server does not accept mail from | access denied (in reply to m
        recursive cname records | mx records for | rule imposed mailbox access | [bouncedeny]
        spam reporting address | not accept mail from this sender | from a different address or alias
        determine purported responsible address | senderfilterconfig | sender email address rejected
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
        spamcatcher | rejected by recurrent pattern detection | uribl | surbl | dbl.spamhaus
        # Of the content, in other words.
        content rejected | content denied | content filter | content restriction | unacceptable content | banned content
        rejecting mail content | blacklisted url | sender domain listed at | bulk.advertising
        phishing | detected as bulk
        blocked by our filter | message filtered | 554 5.7.0 reject, id= | rejected - bulk | mass-mailing
        blocked for abuse | message rejected for policy reasons | our system has detected that this message is
        greylisted* please try again in | mail rejete. mail rejected. *506 | unsolicited bulk | unsolicited email
    """,
    Reason.RATE_LIMITED: """
        too many con | too many session | too many smtp sessions | too many concurrent | trop de connexions
        connection rate limit | connection * limit | maximum connection limit | per-domain connection limit
        rate limit | rate-limit | ratelimit | throttl | too fast | too quickly | try again slower
        receiving mail at a rate that | unexpected volume | excessive volume | too many messages | unusual rate
        unusual sending activity | exceeded the max emails per hour
        max message per connection | too many errors from your ip
        too many recipients | too many * recipients | already made numerous attempts | limit of messages
        frequency limited | daily * limit exceeded | hourly limit | sending quota exceeded | message threshold
        temporarily deferred | too busy | load is too high | too much load
        without solving a captcha | exceeded permitted limits | thread limit exceeded | message receive limit
    """,
    Reason.BLOCKED: """
        # A list of bad hosts.
        black listed | dns blacklist | dynamic-ip
        blocked using | blacklisted by | is blacklisted | in a black list | in a blacklist | on our block list
        spamhaus | spamcop.net | barracudacentral | abuseat.org | sorbs | dnsbl | listed in * rbl | rbl on
        listed at | listed as abusive | by rbl | in the rbl | multi-blacklist | rejected based on blacklist
        blocked - see | refused - see | rejected - see | blocked see | blacklisted see | blocklist | block list
        on a black list | in rbl
        # This host, or its address.
        client host rejected | client host * blocked | banned sending ip | bad sender ip | sender ip address
        from your ip | by your ip | your ip address | your ip has | sending ip | ip address * blocked | ip * blocked
        ips blocked | ip temporarily blacklisted | the ip* is blacklisted | dynamic ip | bad ip profile
        mail server at * blocked
        your network is temporary blacklisted | no access from mail server | is not allowed to send mail from
        invalid ip for sending | host network | looks suspiciously like spam | you are sending spam
        currently sending spam | too many spams | too many unwanted messages | mail from * refused
        message from * rejected based on | was blocked by | email blocked by | :blocked)
        refused to talk to me: * blocked | said: 550 blocked | access from ip address | your access ip
        # The conversation was cut, or refused at its beginning.
        connection refused | connection dropped | connection reset by peer | connection was dropped
        not accepting connections | service not available, closing transmission | helo command rejected
        error from remote mail server after initial connection | lost connection with * while receiving the initial
        not allowed to connect | go away | open proxy | confirm this mail server | smtp server of your isp
        server requires confirmation | has not passed validation | no matches to nameserver query
        no valid recipients from | to submit messages to this e-mail system has been rejected
        a problem occurred. (ask your postmaster
        please try later. *_103 | please try later. *_510 | deferred due to user complaints
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
    Reason.SYSTEM: """
        loops back to | loop was found | forwarding loop broken | would create a mail loop
        configuration error | misconfigured | server configuration | config error | local error in processing
        temporary local problem | temporary system problem | service currently unavailable | internal error
        internal server error | interrupted system call | queue file write error | i/o error | system error
        encountered an error while being processed | transaction failed | unable to connect * daemon
        can't create user output file | could not load drd | no mdb | timeout waiting for input | server busy
        temporary server error | resources temporarily unavailable | upstream error
        insufficient system resources | local problem | unexpected failure | mapi | lmtp error after
    """,
    Reason.NETWORK: """
        no route to host | host is unreachable | network is unreachable | network unreachable | network error
        host name lookup failure | name server reply | host not found, try again | dns records for the destination
        dns query failed | dns failure | unable to resolve route | too many hops | hop count exceeded
        loop detected | forwarding loop | routing loop | message looping | exceeded 50 hops
        unrouteable mail domain
        can't connect to | cannot connect to
        could not connect and send | couldn't connect | all relevant mx records point | could not connect to
        unable to connect to | lost connection | temporary lookup failure
    """,
    Reason.SYSTEM_FULL: """
        mail system full | requested mail action aborted: exceeded storage | insufficient system storage
        no disk space on server | system storage
    """,
    Reason.NOT_ACCEPT: """
        does not accept mail | nullmx | null mx | mail receiving disabled | no mx record found for domain
        name server: .: host not found | no route for current request | not accepting network messages
        smtp protocol returned a permanent error | domain doesn't accept mail | not accepting mail at this
    """,
    Reason.EXPIRED: """
        delivery time expired | delivery expired | message expired | message timed out | connection timed out
        operation timed out | timed out while | too long in the queue | in the queue too long | queue too long
        has been delayed | could not be delivered for | not be delivered * days | not been collected
        retry time not reached | retry timeout exceeded | after multiple retries | failing for a long time
        server did not respond | did not respond | attempts will continue | not reachable within
        allowed queue period | could not find a gateway | failed to deliver to domain | still being retried
        will continue trying | retries exceeded | expired before | timeout | not yet been delivered
    """,
    Reason.FAILED_STARTTLS: """
        starttls | tls required | tls is required | tls/ssl | tls connection | requires encryption | tls handshake
        mta-sts | tlsa-invalid | dnssec-invalid | certificate-expired | certificate-host-mismatch
    """,
    Reason.SECURITY: """
        authentication required | authentication failure | authentication failed | authentication credentials
        authentification requise | authentification invalide | authentication turned on | not authorized
        unauthenticated senders | don't authenticate | account not subscribed to ses | verification failure
        executable files are not allowed | is a dead domain | smtp auth | sendrawemail
        security violation | security error
    """,
    Reason.MAILER_ERROR: """
        procmail | exit 1 | exit 2 | exit 75 | maildrop | command died with status | command failed
        command output: | exit status | exit code
        mailer error | pipe to | | unknown mailer error | x-unix; | child process | exited with
        user defined signal | can't exec
    """,
    Reason.SYNTAX: """
        syntax error | bad sequence of commands | unrecognized command | command not implemented | helo first
        command unrecognized | command parameter not implemented | mail first | rcpt first
    """,
}

_NOT: Mapping[Reason, str] = {
    Reason.REJECTED: """
        *5.1.0 address rejected | *5.1.1 address rejected | recipient address rejected | sender ip address rejected
    """,
    Reason.USER_UNKNOWN: "mail domain mentioned in",
    # The last is what Google says of every refusal.
    Reason.FILTERED: "content filter | not accepting mail with | rejected by the recipient domain",
    Reason.MAILBOX_FULL: "sending quota | submission quota",
    # A local program's words about a connection of its own.
    Reason.BLOCKED: "command output:",
    # Cloudmark's list of senders, not its filter.
    Reason.SPAM: "csi.cloudmark",
    Reason.SYSTEM: "service not available",
}
"""Words that rule a reason out."""

_HINTS: Mapping[Reason, str] = {
    Reason.SPAM: "spam | unsolicited | junk | bulk mail | ube, | ube detected",
    Reason.AUTHENTICATION: "spf | dkim | dmarc | unauthenticated",
    Reason.REQUIRE_PTR: "reverse",
    Reason.BLOCKED: """
        blacklist | black list | your ip | your host | your network | your mail server | server is blocked
        connection from * rejected | mail from * rejected | not accepting mail from | helo | ehlo
    """,
    Reason.VIRUS: "virus",
    Reason.FAILED_STARTTLS: "encryption | tls",
    Reason.REJECTED: """
        sender address | verify sender | unknown sender | sender unknown | sender not found | sender account
        envelope blocked
    """,
    Reason.RATE_LIMITED: "number of messages | volume",
    Reason.POLICY: """
        policy | policies | mass mail | geographical | your country | not allowed to send
        message rejected | message refused | message blocked | message was rejected | message was blocked
        mail rejected | mail refused | mail was rejected | attachment
    """,
    Reason.SECURITY: "access denied | authentication | suspicious | abuse",
}
"""Words about us or what we sent, too common to outweigh anything else that an answer says."""

_PHRASES = {reason: separate(rules) for reason, rules in _RULES.items()}
_HINTED = [(reason, separate(rules)) for reason, rules in _HINTS.items()]
_AGAINST = {reason: separate(rules) for reason, rules in _NOT.items()}
_NOTHING = separate("")


# Asked several times of each answer.
@lru_cache(maxsize=256)
def says(reason: Reason, text: str) -> bool:
    """Whether this text, made `comparable`, gives this reason."""
    return _PHRASES[reason].any_in(text) and not _AGAINST.get(reason, _NOTHING).any_in(text)


def hint(text: str) -> Reason | None:
    """The reason about us that a text, made `comparable`, touches on; for an answer that says nothing else."""
    return next((reason for reason, phrases in _HINTED if phrases.any_in(text)), None)
