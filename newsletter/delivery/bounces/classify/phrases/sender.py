"""What servers say of us who send: our address, our host, our reputation, our rate."""

from newsletter.delivery.bounces.report import Reason

SENDER: dict[Reason, str] = {
    Reason.NO_RELAYING: """
        relay access denied | relay denied | relaying denied | relay not permitted | relaying not permitted
        relaying mail to | relaying not allowed | relaying is not allowed | relaying disallowed | no relaying
        unable to relay | not allowed to relay | isn't allowed to relay | unauthorized relay | relaying to * prohibited
        not permitted to relay | not configured to relay | as a relay
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
    Reason.BAD_REPUTATION: """
        poor reputation | low reputation | bad reputation | poor email reputation | reputation problem
        ip reputation | reputation score | poor sender reputation
        negative reputation | senderscore | sender score
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
        not allowed to post to this mailing list | not a member of this mailing list
        server does not accept mail from | access denied (in reply to m
        recursive cname records | mx records for | rule imposed mailbox access | [bouncedeny]
        sender blocked | sender is blocked | sender email is not | sender is rejected | verify mailfrom failed
        mail from is mismatched | sender domain resolve | sender * has no a, aaaa
        spam reporting address | not accept mail from this sender | from a different address or alias
        determine purported responsible address | senderfilterconfig | sender email address rejected
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
}
