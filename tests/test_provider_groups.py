"""Provider groups: which provider an address is with, and how an operator writes limits."""

import pytest

from newsletter import config
from newsletter.addresses import provider_groups
from newsletter.addresses.provider_groups import ProviderGroups, Quota
from newsletter.errors import Invalid


@pytest.mark.parametrize(
    ("address", "group"),
    [
        ("ada@gmail.com", "gmail"),
        ("Ada@GoogleMail.com", "gmail"),
        ("ada@yahoo.com", "yahoo"),
        ("ada@yahoo.co.jp", "yahoo"),
        ("ada@yahoo.com.br", "yahoo"),
        ("ada@ymail.com", "yahoo"),
        ("ada@aol.com", "yahoo"),
        ("ada@hotmail.fr", "outlook"),
        ("ada@live.co.uk", "outlook"),
        ("ada@outlook.com.au", "outlook"),
        ("ada@msn.com", "outlook"),
        ("ada@me.com", "icloud"),
        ("ada@clinic.example", "clinic.example"),
        ("ada@Straße.example", "xn--strae-oqa.example"),
        ("ada@xn--strae-oqa.example", "xn--strae-oqa.example"),
        ("ada@mail.gmail.com", "mail.gmail.com"),
        ("ada@live.example.org", "live.example.org"),
        ("ada@yahoo.example", "yahoo.example"),
        ("", ""),
    ],
)
def test_the_group_of_an_address(address: str, group: str) -> None:
    assert ProviderGroups().of_address(address) == group


def test_a_hosted_domain_goes_by_the_group_that_the_operator_names() -> None:
    hosted = provider_groups.parse_hosted("Clinic.example=gmail, practice.example = outlook; yahoo.example=yahoo,")
    chosen = ProviderGroups(hosted=hosted)
    assert [
        chosen.of_address(f"ada@{domain}") for domain in ("clinic.example", "practice.example", "other.example")
    ] == [
        "gmail",
        "outlook",
        "other.example",
    ]


def test_a_domain_is_one_group_by_its_letters_and_by_its_a_label() -> None:
    hosted = provider_groups.parse_hosted("klinik-süd.example=gmail")
    quotas = provider_groups.parse_quotas("bücher.example=5/s", hosted)
    chosen = ProviderGroups(quotas, hosted)
    for host in ("klinik-süd.example", "xn--klinik-sd-x9a.example"):
        assert chosen.of_address(f"ada@{host}") == "gmail"
    for host in ("Bücher.example", "xn--bcher-kva.example"):
        assert chosen.quota(chosen.of_address(f"ada@{host}")) == Quota(per_second=5)


def test_limits_are_written_in_one_line() -> None:
    quotas = provider_groups.parse_quotas("gmail=20/s 10000/h, Yahoo=5/s; clinic.example=0.5/s 200/d, *=2/s", {})
    chosen = ProviderGroups(quotas)
    assert chosen.quota("gmail") == Quota(20, 10_000)
    assert chosen.quota("yahoo") == Quota(5)
    assert chosen.quota("clinic.example") == Quota(0.5, None, 200)
    assert chosen.quota("icloud") == chosen.quota("other.example") == Quota(2)


def test_without_a_star_every_other_group_is_free() -> None:
    assert ProviderGroups(provider_groups.parse_quotas("gmail=20/s", {})).quota("yahoo") is None
    assert ProviderGroups(provider_groups.parse_quotas(" ", {})).quotas == {}


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("MAIL_LANES", "gmail", "“gmail” cannot be read; write it like gmail=20/s 10000/h"),
        ("MAIL_LANES", "gmail=20", "“20” is not a limit; write 5/s, 1000/h or 20000/d"),
        ("MAIL_LANES", "gmail=0/s", "“0/s” is not a limit"),
        ("MAIL_LANES", "gmail=1.5/h", "“1.5/h” is not a limit"),
        ("MAIL_LANES", "gmail=5/s 9/s", "two limits of one kind"),
        ("MAIL_LANES", "gmail=5/s,gmail=9/h", "gmail is listed twice"),
        ("MAIL_LANES", "gmial=5/s", "“gmial” is neither a domain, nor *, nor one of the groups gmail, icloud,"),
        ("MAIL_LANES", "gmail.com=5/s", "gmail.com belongs to the group gmail; set the limit for gmail"),
        ("MAIL_LANE_DOMAINS", "clinic.example", "“clinic.example” cannot be read; write it like example.org=gmail"),
        ("MAIL_LANE_DOMAINS", "clinic=gmail", "“clinic” is not a domain"),
        ("MAIL_LANE_DOMAINS", "clinic.example=my lane", "“my lane” cannot name a group"),
        ("MAIL_HOURLY", "-1", ""),
        ("MAIL_DAILY", "many", ""),
        ("MAIL_WARMUP_START", "tomorrow", ""),
    ],
)
def test_a_malformed_limit_stops_the_start_with_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path, name: str, value: str, sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(name, value)
    with pytest.raises(Invalid, match=rf"^{name}: .+$") as stop:
        config.load()
    assert sentence in str(stop.value)
    assert "\n" not in str(stop.value)


def test_a_group_of_the_operators_own_can_be_limited(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MAIL_LANE_DOMAINS", "a.example=hosting, b.example=hosting")
    monkeypatch.setenv("MAIL_LANES", "hosting=3/s")
    settings = config.load()
    chosen = ProviderGroups(settings.provider_quotas, settings.hosted_domains)
    assert chosen.quota(chosen.of_address("ada@b.example")) == Quota(3)
