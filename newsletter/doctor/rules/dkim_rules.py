"""DKIM: the keys here, and what the DNS says of them (RFC 6376, RFC 8463)."""

from collections.abc import Iterator, Mapping

from newsletter.doctor.facts import KeyFacts, SystemFacts
from newsletter.doctor.findings import ERROR, HINT, OK, WARNING, Area, Finding
from newsletter.doctor.registry import rule

_GOOD_BITS = 2048


@rule(Area.DKIM, "Google, Email sender guidelines; RFC 6376")
def mail_is_signed(facts: SystemFacts) -> Iterator[Finding]:
    """Google, Yahoo and Microsoft require a DKIM signature of bulk senders, and DMARC one of the From's very
    domain."""
    for sender in facts.senders:
        signing = [key for key in sender.keys if key.signs]
        if not signing:
            message = f"there is no key here that signs mail from {sender.domain}"
            mend = "make one, unless your mail server signs as this domain"
            yield Finding(WARNING, sender.domain, message, mend, line=f"newsletter dkim keygen {sender.domain}")
        elif all(key.algorithm.startswith("ed25519") for key in signing):
            message = "mail is signed with Ed25519 alone, which many receivers cannot check"
            yield Finding(
                WARNING, sender.domain, message, "sign with RSA as well", line=f"newsletter dkim keygen {sender.domain}"
            )


@rule(Area.DKIM, "RFC 6376, 3.6.1")
def each_key_is_published(facts: SystemFacts) -> Iterator[Finding]:
    """A signature counts only if the DNS has the other half of the very key that made it."""
    for sender in facts.senders:
        for key in sender.keys:
            yield from _published(key)


@rule(Area.DKIM, "RFC 8301, 3.2")
def the_keys_are_long_enough(facts: SystemFacts) -> Iterator[Finding]:
    """RSA keys of less than 2048 bits count as weak, and some receivers ignore them."""
    for sender in facts.senders:
        for key in sender.keys:
            if key.signs and key.algorithm.startswith("rsa") and key.bits < _GOOD_BITS:
                line = f"newsletter dkim keygen {sender.domain} --selector {key.selector}-2048"
                message = f"the key {key.selector} has {key.bits} bits"
                yield Finding(HINT, sender.domain, message, "change to one of 2048 bits", line=line)


def _parse_tags(text: str) -> Mapping[str, str]:
    """The tags of a record, without the white space that may stand in a value (RFC 6376, 3.2)."""
    parts = (part.partition("=") for part in text.split(";"))
    return {name.strip(): "".join(value.split()) for name, _, value in parts if name.strip()}


def _published(key: KeyFacts) -> Iterator[Finding]:
    answer, name = key.published, key.wanted.name
    records = [text for text in answer.values if "p" in _parse_tags(text)]
    wrong = ERROR if key.signs else HINT
    if answer.fault:
        yield Finding(WARNING, name, f"{name} {answer.fault}", "try again, or ask its DNS provider")
    elif not records:
        does = "signs mail" if key.signs else "waits to sign"
        message = f"the key {key.selector} {does}, and its record is not in the DNS"
        yield Finding(wrong, name, message, "publish it", key.wanted)
    elif len(records) > 1:
        message = f"there are {len(records)} records, and receivers may take either"
        yield Finding(wrong, name, message, "leave only this one", key.wanted)
    elif problem := _difference(_parse_tags(records[0]), _parse_tags(key.wanted.value)):
        mend = "replace the record" if _parse_tags(records[0])["p"] else "sign with a new key, or replace the record"
        yield Finding(wrong, name, problem, mend, key.wanted)
    else:
        yield Finding(OK, name, f"the record is that of the key {key.selector} ({key.algorithm})")
        if "y" in _parse_tags(records[0]).get("t", "").split(":"):
            message = "the record says t=y, “testing”: receivers may treat a signature as none"
            yield Finding(WARNING, name, message, "replace the record", key.wanted)


def _difference(published: Mapping[str, str], wanted: Mapping[str, str]) -> str:
    if not published["p"]:
        return "the record says that this key was revoked (p is empty)"
    if published.get("v", "DKIM1") != "DKIM1":
        return f"the record is of the unknown version “{published['v'][:20]}”"
    if published.get("k", "rsa") != wanted["k"]:
        return f"the record is of a key of another kind (k={published.get('k', 'rsa')[:20]})"
    if published["p"] != wanted["p"]:
        return "the record has another public key than the one here, so every signature fails"
    if "h" in published and "sha256" not in published["h"].split(":"):
        return "the record does not allow SHA-256 (h), by which mail is signed"
    if not {"*", "email"} & set(published.get("s", "*").split(":")):
        return "the record is not for email (s)"
    return ""
