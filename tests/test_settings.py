"""The settings: told in docs/settings.md, checked at the start, and one secret key kept for good."""

import re
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from newsletter import config
from newsletter.editorial.images.s3_storage import S3PictureStore
from newsletter.errors import Invalid
from newsletter.mail_settings import MailServer
from newsletter.tokens import TokenSeal
from newsletter.wiring import open_services

DOCUMENT = Path(__file__).parents[1] / "docs" / "settings.md"
ROW = re.compile(r"^\| `([A-Z_]+)` \| (?:`(.*?)`|–) \| (.+?) \| (.+?) \|$", re.MULTILINE)
REPORTED = {name: default for name, default, *_ in ROW.findall(DOCUMENT.read_text(encoding="utf-8"))}


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting from outside, and no `.env`."""
    for name in config.names():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def test_every_setting_is_told_and_no_other() -> None:
    assert sorted(REPORTED) == sorted(config.names())


@pytest.mark.parametrize("name", config.names())
def test_the_default_told_is_the_default(name: str) -> None:
    assert REPORTED[name] == as_written(config.Settings.model_fields[name.lower()].default)


def test_without_any_setting_it_runs_on_a_laptop(tmp_path: Path) -> None:
    settings = config.load()
    assert settings.public_url == "http://127.0.0.1:8000"
    assert settings.database == f"sqlite:///{tmp_path}/var/newsletter.db"
    assert settings.mail is None
    assert settings.bulk_mail is None


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("MAIL_SEVER", "localhost", "MAIL_SEVER is not a setting; did you mean MAIL_SERVER?"),
        ("BULK_MAIL_PROT", "25", "BULK_MAIL_PROT is not a setting; did you mean BULK_MAIL_PORT?"),
        ("SIGNUP_QQQQQQQQ", "1", "SIGNUP_QQQQQQQQ is not a setting; docs/settings.md lists them all"),
        ("DATABSE_URL", "sqlite:///x", "DATABSE_URL is not a setting; did you mean DATABASE_URL?"),
        ("log_format", "json", "log_format is not a setting; did you mean LOG_FORMAT?"),
    ],
)
def test_an_unknown_setting_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(Invalid) as stop:
        config.load()
    assert str(stop.value) == sentence


@pytest.mark.parametrize("path", ["/press", "/press/", "//press", "/;v=1", "/%20"])
def test_a_base_url_with_a_path_is_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setenv("BASE_URL", f"https://example.org{path}")
    with pytest.raises(Invalid, match=r"^BASE_URL: .*without a path.*subdomain|^BASE_URL: must look like"):
        config.load()


@pytest.mark.parametrize("url", ["https://example.org", "https://example.org/", "http://[::1]:8000", "http://a:81//"])
def test_a_base_url_is_a_host_of_its_own(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("BASE_URL", url)
    assert config.load().public_url == url.rstrip("/")


@pytest.mark.parametrize("name", ["PATH_INFO", "HOSTNAME", "MAIL", "MAILCHECK", "PYTHONPATH", "PGPORT"])
def test_a_variable_of_another_program_is_left_alone(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "whatever")
    config.load()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eight thousand"),
        ("PORT", "65536"),
        ("MAIL_USE_TLS", "perhaps"),
        ("MAIL_RATE", "-1"),
        ("MAIL_RATE", "inf"),
        ("IN_DOUBT", "retry"),
        ("BOUNCE_LMTP", "8024"),
        ("BOUNCE_LMTP", "127.0.0.1:0"),
        ("BOUNCE_ADDRESSES", "fbl"),
        ("BOUNCE_IMAP_SERVER", "imap.example.org"),
        ("BOUNCE_IMAP_SECURITY", "ssl"),
        ("BOUNCE_IMAP_FOLDER", 'IN"BOX'),
        ("BOUNCE_IMAP_READ_FOLDER", "INBOX"),
        ("BOUNCE_SES_TOPICS", "bounces"),
        ("BOUNCE_POSTMARK_SECRET", "too short"),
        ("BOUNCE_BREVO_SECRET", "not good in an address/?"),
        ("BOUNCE_MAILGUN_KEY", ","),
        ("BOUNCE_SENDGRID_KEY", "AAAA"),
        ("BOUNCE_RESEND_SECRET", "whsec_c2hvcnQ="),
        ("BASE_URL", "letters.example.org"),
        ("BASE_URL", "https://letters.example.org/\r\nBcc: x"),
        ("BASE_URL", "https://"),
        ("DATABASE_URL", "mysql://db"),
        ("DATABASE_URL", "newsletter.db"),
        ("PICTURES_URL", "https://s3.example.org/press"),
        ("PICTURES_URL", "s3://"),
        ("PICTURES_URL", "s3://press/a b"),
        ("PICTURES_URL", "s3://press/pictures"),  # without a key
        ("PICTURES_ENDPOINT", "s3.example.org"),
        ("PICTURES_PUBLIC_URL", "pictures"),
        ("SECRET_KEY", "short"),
        ("SECRET_KEY_FALLBACKS", "0123456789abcdef,short"),
        ("SECRET_KEY_FALLBACKS", "0123456789abcdef,"),
        ("MAIL_DEFAULT_SENDER", "Press"),
        ("DKIM_KEYS", "no-such-folder"),
        ("DKIM_SELECTORS", "press,press"),
        ("DKIM_SELECTORS", "press,"),
        ("DKIM_SELECTORS", "Press.2027"),
        ("SEND_GRACE_MINUTES", "2h"),
    ],
)
def test_a_malformed_setting_stops_the_start_with_one_line(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(Invalid, match=rf"^{name}: .+$") as stop:
        config.load()
    assert "\n" not in str(stop.value)


def test_pictures_lie_in_a_bucket_and_are_shown_from_elsewhere_where_the_settings_say_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {
        "PICTURES_URL": "s3://press/shown",
        "PICTURES_KEY_ID": "press",
        "PICTURES_SECRET": "a key for tests",
        "PICTURES_PUBLIC_URL": "https://pictures.example.org/",
    }.items():
        monkeypatch.setenv(name, value)
    services = open_services(config.load(), check_schema=False)
    assert isinstance(services.pictures, S3PictureStore)
    assert services.links.picture("a.png") == "https://pictures.example.org/a.png"
    assert "a key for tests" not in repr(services)
    services.close()


def test_a_secret_is_not_repeated_when_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "swordfish")
    with pytest.raises(Invalid) as stop:
        config.load()
    assert "swordfish" not in str(stop.value)


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=1111\nINBOX_PORT=2222\n")
    monkeypatch.setenv("PORT", "3333")
    settings = config.load()
    assert (settings.port, settings.inbox_port) == (3333, 2222)


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "")
    assert config.load().port == 8000


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"PROT=1\n", "PROT in .env is not a setting; did you mean PORT?"),
        (b"PORT=one\n", "PORT: Input should be a valid integer, unable to parse string as an integer"),
        ("MAIL_USERNAME=Zoë\n".encode("latin-1"), ".env is not UTF-8 text; save it as UTF-8"),
    ],
)
def test_a_bad_line_in_the_file_stops_the_start(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / ".env").write_bytes(content)
    with pytest.raises(Invalid) as stop:
        config.load()
    assert str(stop.value) == sentence


def test_postgres_is_reached_through_psycopg(monkeypatch: pytest.MonkeyPatch) -> None:
    for scheme in ("postgres", "postgresql", "postgresql+psycopg"):
        monkeypatch.setenv("DATABASE_URL", f"{scheme}://press@db/press")
        assert config.load().database == "postgresql+psycopg://press@db/press"


def test_issues_may_have_a_server_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_SERVER", "letters.example.org")
    monkeypatch.setenv("MAIL_USE_TLS", "true")
    assert config.load().bulk_mail == config.load().mail
    monkeypatch.setenv("BULK_MAIL_SERVER", "bulk.example.org")
    assert config.load().bulk_mail == MailServer("bulk.example.org", 25)


def test_the_secret_key_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    first = config.load().secret
    kept = tmp_path / "var" / "secret_key"
    assert len(first) >= 48
    assert config.load().secret == first
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert [path.name for path in kept.parent.iterdir()] == ["secret_key"]


def test_a_secret_key_that_is_set_is_used_and_none_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SECRET_KEY", "0123456789abcdef")
    assert config.load().secret == b"0123456789abcdef"
    assert not (tmp_path / "var").exists()


def test_links_of_older_keys_still_open_and_new_ones_are_sealed_by_the_new(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "the-key-of-last-year")
    before = seal_of_the_house()
    monkeypatch.setenv("SECRET_KEY", "the-key-of-this-year")
    with pytest.raises(Invalid):
        seal_of_the_house().open("confirm", before.seal("confirm", 7))
    monkeypatch.setenv("SECRET_KEY_FALLBACKS", "the-key-before-that, the-key-of-last-year")
    after = seal_of_the_house()
    assert after.open("confirm", before.seal("confirm", 7)) == (7,)
    with pytest.raises(Invalid):
        before.open("confirm", after.seal("confirm", 7))


def test_links_of_the_key_that_was_kept_still_open_once_another_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    before = seal_of_the_house()
    monkeypatch.setenv("SECRET_KEY", "the-key-of-this-year")
    monkeypatch.setenv("SECRET_KEY_FALLBACKS", "the-key-of-last-year")
    after = seal_of_the_house()
    assert after.open("confirm", before.seal("confirm", 7)) == (7,)
    assert after.seal("confirm", 7) == TokenSeal(b"the-key-of-this-year").seal("confirm", 7)


def test_a_damaged_secret_key_is_not_replaced_in_silence(tmp_path: Path) -> None:
    kept = tmp_path / "var" / "secret_key"
    kept.parent.mkdir()
    kept.touch()
    with pytest.raises(Invalid, match="is damaged"):
        _ = config.load().secret


def test_processes_that_start_at_once_agree_on_the_secret_key(tmp_path: Path) -> None:
    program = f"import sys; sys.path.insert(0, {str(DOCUMENT.parents[1])!r})\n"
    program += "from newsletter import config; print(config.load().secret)"
    command = [sys.executable, "-c", program]
    racers = [subprocess.Popen(command, stdout=subprocess.PIPE, cwd=tmp_path) for _ in range(4)]
    assert len({racer.communicate()[0] for racer in racers}) == 1
    assert [racer.returncode for racer in racers] == [0] * 4


def test_threads_that_start_at_once_agree_on_the_secret_key() -> None:
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: config.load().secret, range(64)))) == 1


def seal_of_the_house() -> TokenSeal:
    """What `open_services` seals with under the settings of this moment."""
    services = open_services(config.load(), check_schema=False)
    services.close()
    return services.links.seal


def as_written(default: Any) -> str:
    if isinstance(default, bool):
        return str(default).lower()
    return "" if default is None else str(default)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("MAIL_SERVER smtp.example.org", ".env line 2: write it as NAME=value"),
        ("MAIL_SERVR=", "MAIL_SERVR in .env is not a setting; did you mean MAIL_SERVER?"),
        ("COLOUR=teal", "COLOUR in .env is not a setting"),
    ],
)
def test_no_line_of_the_env_file_is_passed_over_in_silence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, line: str, complaint: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text(f"# ours\n{line}\n")
    with pytest.raises(Invalid) as refusal:
        config.load()
    assert str(refusal.value).startswith(complaint)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LISTEN", "nonsense"),
        ("BASE_URL", "http://a:99999"),
        ("BASE_URL", 'http://a/"><script>'),
        ("MAIL_DEFAULT_SENDER", '"Press \u202egro.live" <press@letters.example>'),
        ("BULK_MAIL_DEFAULT_SENDER", '"Pr\x07ess" <press@letters.example>'),
        ("BULK_MAIL_DEFAULT_SENDER", "jörg@letters.example"),
        ("MAIL_SERVER", "mail.example.org\r\nRSET"),
        ("BULK_MAIL_SERVER", "mail .example.org"),
        ("MAIL_SERVER", "smtp.example.org:587"),
        ("MAIL_SERVER", "smtps://smtp.example.org"),
        ("MAIL_SERVER", "smtp.example.org, smtp2.example.org"),
        ("MAIL_SERVER", "press@smtp.example.org"),
        ("MAIL_RETURN_PATH_DOMAIN", "bounces.example.org> SIZE=1"),
        ("MAIL_RETURN_PATH_DOMAIN", "bounces"),
        ("DATABASE_URL", "sqlite://"),
        ("DATABASE_URL", "sqlite:///:memory:"),
        ("DATABASE_URL", "sqlite:///file:press?mode=memory&uri=true"),
        *(("MAIL_SERVER", host) for host in ("mx.example.org:25", "smtp://mx.example.org", "[::1]", "..", "a@b")),
        ("BULK_MAIL_SERVER", "mx.example.org:587"),
        *(("BASE_URL", f"https://{host}") for host in ("..", "a..b", ".example.org", "-", "%61.example", "a.example:")),
        *((name, '"quoted"') for name in ("DATA_DIR", "MAIL_USERNAME", "PICTURES_REGION")),
        ("METRICS_TOKEN", " " * 20),
        ("METRICS_TOKEN", "a token of several words "),
        ("METRICS_TOKEN", "\N{LATIN SMALL LETTER U WITH DIAERESIS}" * 20),
        ("SIGNUP_REFUSED_DOMAINS", "*.mailinator.com"),
        ("SIGNUP_CAP_CLIENT", "9" * 30),
        ("SEND_GRACE_MINUTES", "9" * 30),
    ],
)
def test_a_value_that_cannot_work_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(Invalid, match=f"^{name}: "):
        config.load()


def test_what_stands_around_a_value_is_none_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    typed = {
        "DATA_DIR": "press",
        "DATABASE_URL": "sqlite:////press.db",
        "BASE_URL": "HTTPS://Letters.example.org/",
        "MAIL_SERVER": "mail_out",
        "MAIL_USE_TLS": "true",
        "LISTEN": "::1",
        "LOG_FORMAT": "json",
        "METRICS_TOKEN": "0123456789abcdef",
        "MAIL_USERNAME": "press",
        "MAIL_PASSWORD": " a space ",
    }
    for name, value in typed.items():
        monkeypatch.setenv(name, f"{value}\r\n")
    settings = config.load()
    assert (settings.data_dir, settings.database) == (Path("press"), "sqlite:////press.db")
    assert (settings.public_url, settings.listen) == ("https://letters.example.org", "::1")
    assert (settings.mail_server, settings.mail_use_tls, settings.log_format) == ("mail_out", True, "json")
    secrets = (settings.metrics_token, settings.mail_password)
    assert [each.get_secret_value() for each in secrets if each] == ["0123456789abcdef", " a space "]


def test_an_empty_value_with_a_stray_line_end_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    unset = config.load()
    for name in type(unset).model_fields:
        monkeypatch.setenv(name.upper(), "\r")
    assert config.load() == unset


def test_a_secret_key_stays_as_it_is_because_links_are_sealed_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "0123456789abcdef\r\n")
    assert config.load().secret == b"0123456789abcdef\r\n"


@pytest.mark.parametrize(("listen", "url"), [("::1", "http://[::1]:8000"), ("127.0.0.1", "http://127.0.0.1:8000")])
def test_without_a_base_url_links_begin_with_where_the_server_listens(
    monkeypatch: pytest.MonkeyPatch, listen: str, url: str
) -> None:
    monkeypatch.setenv("LISTEN", listen)
    assert config.load().public_url == url


def test_a_domain_for_bounces_is_told_to_servers_as_they_know_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_RETURN_PATH_DOMAIN", "Rückläufer.example")
    assert config.load().mail_return_path_domain == "xn--rcklufer-3za0v.example"


@pytest.mark.parametrize("kind", ["MAIL", "BULK_MAIL"])
def test_a_user_name_without_a_password_stops_the_start(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setenv(f"{kind}_USERNAME", "press")
    with pytest.raises(Invalid, match=rf"^{kind}_PASSWORD: must be set beside {kind}_USERNAME"):
        config.load()


@pytest.mark.parametrize(
    "name", ["10.0.0.1", "[127.0.0.1]", "my_host.example.org", "laptop", "laptop.local", "a..b", "x.localhost"]
)
def test_what_is_no_whole_name_cannot_be_said_to_mail_servers(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("MAIL_HELO", name)
    with pytest.raises(Invalid, match=r"^MAIL_HELO: "):
        config.load()


@pytest.mark.parametrize(
    ("machine", "base_url", "helo", "said"),
    [
        ("mx1.example.org", "https://letters.example.org", "", "mx1.example.org"),
        ("web_1.internal", "https://letters.example.org", "", "letters.example.org"),
        ("pc.fritz.box", "https://letters.example.org", "", "letters.example.org"),
        ("web.corp", "https://letters.example.org", "", "letters.example.org"),
        ("mx1.example.org.", "https://letters.example.org", "", "mx1.example.org"),
        ("web1", "https://letters.example.org.", "", "letters.example.org"),
        ("web1", "https://[2001:db8::1]", "", "localhost.localdomain"),
        ("laptop", "https://letters.example.org", "out.example.org", "out.example.org"),
        ("f3a9c2", "http://127.0.0.1:8000", "", "localhost.localdomain"),
    ],
)
def test_the_name_said_to_mail_servers_is_a_whole_one(
    monkeypatch: pytest.MonkeyPatch, machine: str, base_url: str, helo: str, said: str
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: machine)
    for name, value in {"MAIL_SERVER": "mx", "BASE_URL": base_url, "MAIL_HELO": helo}.items():
        monkeypatch.setenv(name, value)
    settings = config.load()
    assert settings.mail
    assert settings.bulk_mail
    assert settings.mail.own_name == settings.bulk_mail.own_name == said
