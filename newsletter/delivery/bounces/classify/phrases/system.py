"""What servers say of themselves, of the network and of the SMTP dialogue."""

from newsletter.delivery.bounces.report import Reason

SYSTEM: dict[Reason, str] = {
    Reason.SYSTEM: """
        loops back to | loop was found | forwarding loop broken | would create a mail loop
        configuration error | misconfigured | server configuration | config error | local error in processing
        temporary local problem | temporary system problem | service currently unavailable | internal error
        internal server error | interrupted system call | queue file write error | i/o error | system error
        encountered an error while being processed | transaction failed | unable to connect * daemon
        can't create user output file | can't create output | could not load drd | no mdb
        timeout waiting for input | server busy | system busy | busy, try again
        temporary server error | resources temporarily unavailable | upstream error
        insufficient system resources | local problem | unexpected failure | mapi | lmtp error after
    """,
    Reason.NETWORK: """
        no route to host | host is unreachable | network is unreachable | network unreachable | network error
        host name lookup failure | name server reply | host not found, try again | dns records for the destination
        dns query failed | dns failure | unable to resolve route | too many hops | hop count exceeded
        loop detected | mailloop | forwarding loop | routing loop | message looping | exceeded 50 hops
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
        authentication required | authentication failure | authentication failed | auth failed
        authentication credentials | authentification requise | authentification invalide | authentication turned on
        not authorized | unauthenticated senders | don't authenticate | account not subscribed to ses
        verification failure | executable files are not allowed | is a dead domain | smtp auth | sendrawemail
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
