"""Mail servers and the web: what they said when they were asked."""

from collections.abc import Iterator
from datetime import timedelta

from newsletter.doctor.facts import RelayFacts, SystemFacts
from newsletter.doctor.findings import ERROR, HINT, OK, WARNING, Area, Finding
from newsletter.doctor.registry import rule

_LOCAL = ("127.", "localhost", "[::1]")
_WANTED = {
    "PIPELINING": "each copy waits for more replies, so sending is slower",
    "SIZE": "a mail that is too large is refused only after it was sent",
    "8BITMIME": "some characters have to be encoded",
}
_ONLY_FOR_SOME = {
    "SMTPUTF8": "readers whose address is not ASCII get nothing",
    "DSN": "bounces come without the id that names their copy; the return path still does",
}
_SLIP = timedelta(seconds=30)
_WRONG = timedelta(minutes=5)


@rule(Area.RELAYS, "RFC 5321; RFC 4954")
def each_mail_server_lets_us_in(facts: SystemFacts) -> Iterator[Finding]:
    """If it cannot be reached, or refuses the sign-in, mail waits here until it does."""
    for relay in facts.relays if facts.asked_outside else ():
        if relay.fault:
            mend = "see the settings of this server, or ask whoever runs it"
            yield Finding(ERROR, relay.host_port, relay.fault, mend)
        else:
            how = "with TLS" if relay.is_encrypted else "without TLS"
            signed = "lets us sign in" if relay.signs_in else "lets us in"
            yield Finding(OK, relay.host_port, f"{relay.host_port} {signed}, {how}")


@rule(Area.RELAYS, "RFC 3207")
def mail_is_handed_over_encrypted(facts: SystemFacts) -> Iterator[Finding]:
    """Without TLS, whoever is on the way to the mail server reads every address and every link."""
    for relay in _reached(facts):
        if not relay.is_encrypted and not relay.is_here:
            offers = "STARTTLS" in relay.extensions
            message = f"mail is handed over readable, and the server {'offers' if offers else 'has no'} STARTTLS"
            line = relay.setting.replace("SERVER", "USE_TLS=true") if offers else ""
            yield Finding(WARNING, relay.host_port, message, "turn TLS on" if offers else "ask for TLS", line=line)


@rule(Area.RELAYS, "RFC 2920; RFC 1870; RFC 6531; RFC 3461")
def the_server_can_do_what_helps(facts: SystemFacts) -> Iterator[Finding]:
    """Nothing is lost without these extensions, unless it says so."""
    for relay in _reached(facts):
        lacking = {**_WANTED, **_ONLY_FOR_SOME}.items()
        for name, effect in lacking:
            if name not in relay.extensions:
                yield Finding(HINT, relay.host_port, f"it has no {name}: {effect}")


@rule(Area.WEB, "RFC 8058, 3.1; Google, Email sender guidelines")
def links_lead_to_an_https_address(facts: SystemFacts) -> Iterator[Finding]:
    """Mail programs unsubscribe by https alone; Google and Yahoo require that of bulk senders."""
    web = facts.web
    if web.url.startswith("https://"):
        yield Finding(OK, "BASE_URL", f"links lead to {web.url}")
    else:
        level = ERROR if facts.relays and not web.is_local else HINT
        message = f"links lead to {web.url}, which is not https"
        line = "BASE_URL=https://letters.example.org"
        yield Finding(level, "BASE_URL", message, "set the address that readers reach, with https", line=line)


@rule(Area.WEB, "RFC 8058, 3.2")
def one_click_unsubscribe_is_reachable(facts: SystemFacts) -> Iterator[Finding]:
    """Mail programs POST to the link in List-Unsubscribe without a cookie. Where a proxy answers instead, the reader
    presses “spam”."""
    web = facts.web
    if not web.is_asked:
        return
    if web.health:
        mend = "see the proxy and the DNS of this host; asked from this machine"
        yield Finding(ERROR, web.url, f"{web.url} {web.health}", mend)
    elif web.one_click:
        message = f"{web.url}/unsubscribe/ {web.one_click}"
        yield Finding(ERROR, web.url, message, "let POST through there, without a sign-in or a captcha")
    else:
        yield Finding(OK, web.url, f"{web.url} answers, and takes one-click unsubscribes")


@rule(Area.WEB)
def the_number_of_proxies_is_right(facts: SystemFacts) -> Iterator[Finding]:
    """With too few, all readers count as one client, and the cap on sign-ups meets them all; with too many, a client
    can claim any address."""
    web = facts.web
    if web.url.startswith("https://") and not web.proxy_hops:
        message = "links are https, so there is a proxy in front, and PROXY_HOPS is 0"
        yield Finding(WARNING, "PROXY_HOPS", message, "say how many there are", line="PROXY_HOPS=1")
    elif web.proxy_hops and not web.listens_locally:
        message = f"{web.proxy_hops} proxies are trusted, and this server also listens on {web.listens}"
        yield Finding(HINT, "LISTEN", message, "make sure that only the proxy reaches that port")


@rule(Area.MACHINE)
def the_clock_is_right(facts: SystemFacts) -> Iterator[Finding]:
    """The clock decides when issues start, and for how long links and signatures are valid."""
    clocks = [facts.database.clock, facts.web.clock, *(relay.clock for relay in facts.relays)]
    known = [clock for clock in clocks if clock]
    for clock in known:
        difference = abs(clock.ahead)
        if difference > _SLIP:
            way = "before" if clock.ahead > timedelta(0) else "behind"
            message = f"our clock is {difference.total_seconds():.0f} seconds {way} that of {clock.source}"
            level = ERROR if difference > _WRONG else WARNING
            yield Finding(level, "clock", message, "let the system set it (NTP)", line="timedatectl set-ntp true")
    if known and all(abs(clock.ahead) <= _SLIP for clock in known):
        yield Finding(OK, "clock", f"the clock agrees with that of {' and '.join(clock.source for clock in known)}")


def _reached(facts: SystemFacts) -> Iterator[RelayFacts]:
    return (relay for relay in facts.relays if facts.asked_outside and not relay.fault)
