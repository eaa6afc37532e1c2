"""The composition root: makes the services from the settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property, lru_cache
from urllib.parse import urlsplit

from newsletter import schema
from newsletter.addresses.provider_groups import ProviderGroups
from newsletter.audience import erasures
from newsletter.audience.services import AudienceServices, SignupCaps
from newsletter.characters import as_line, as_lines
from newsletter.config import Settings
from newsletter.db import Sessions, open_engine
from newsletter.delivery.bounces.intake.mailbox_access import MailboxAccess
from newsletter.delivery.message import merge
from newsletter.delivery.message.content import PURPOSES, Purpose
from newsletter.delivery.message.dkim_keys import Keyring
from newsletter.delivery.transactional.outbox import Composed
from newsletter.delivery.workers.context import WorkerContext
from newsletter.editorial.images.pictures import FolderPictureStore, PictureStore
from newsletter.editorial.issues import archive
from newsletter.editorial.rendering import render
from newsletter.editorial.rendering.branding import Branding, Link
from newsletter.errors import Refused
from newsletter.i18n import formats, messages
from newsletter.links import Links
from newsletter.mail_settings import MailServer
from newsletter.outbound import GuardedClient, domain_lookup
from newsletter.publications import Publication
from newsletter.tokens import TokenSeal
from newsletter.workflows import import_archive
from newsletter.workflows.build_letter import LetterSettings
from newsletter.workflows.check_outside import OutsideChecks
from newsletter.workflows.contact_requests import RequestTimes
from newsletter.workflows.import_uploads import ArchiveJob
from newsletter.workflows.mail_intake import MailIntake
from newsletter.workflows.record_bounce import BounceServices


@dataclass(frozen=True)
class Services:
    """Everything that a request, a job or a command needs, made from the settings once."""

    settings: Settings
    sessions: Sessions
    links: Links
    audience: AudienceServices
    pictures: PictureStore

    @property
    def grace(self) -> timedelta:
        """How late an issue may still start, and a slot may still be filled."""
        return timedelta(minutes=self.settings.send_grace_minutes)

    @property
    def request_times(self) -> RequestTimes:
        """When a contact request is deleted, and when the team is reminded of it."""
        settings = self.settings
        return RequestTimes(
            timedelta(days=settings.request_retention_days), timedelta(days=settings.request_reminder_days)
        )

    @property
    def mail_servers(self) -> tuple[MailServer, MailServer]:
        """The mail servers for single letters and for issues; Refused, saying what to set, if there is none."""
        mail, bulk = self.settings.mail, self.settings.bulk_mail
        if mail is None or bulk is None:
            raise Refused("MAIL_SERVER is not set: name the server that takes the mail (docs/settings.md)")
        return mail, bulk

    @property
    def letters(self) -> LetterSettings:
        """What every letter of an issue is made with."""
        return LetterSettings(self.links, self.settings.issue_sender_address)

    @cached_property
    def keyring(self) -> Keyring:
        """The DKIM keys; Refused, saying what to do, if a key file is invalid."""
        named = "dkim_selectors" in self.settings.model_fields_set
        return Keyring.load(self.settings.dkim_folder, self.settings.dkim_selectors_in_use, must_be_there=named)

    @cached_property
    def bounces(self) -> BounceServices:
        """What is needed to act on bounces, complaints and unsubscribe mails."""
        resolver = self.settings.dns_resolver
        lookup = domain_lookup.open_lookup(resolver) if resolver else None
        groups = ProviderGroups(hosted=self.settings.hosted_domains)
        domain = self.settings.mail_return_path_domain or ""
        addresses = frozenset(each.lower() for each in self.settings.bounce_addresses_in_use)
        return BounceServices(self.audience, groups, self.settings.bounce_probe, lookup, domain.lower(), addresses)

    def mail_intake(self, worker: WorkerContext) -> MailIntake:
        """How this worker takes mail in."""
        return MailIntake(self.sessions, self.bounces, _mailbox(self.settings), self.settings.bounce_lmtp, worker)

    def archive_job(self, worker: WorkerContext) -> ArchiveJob:
        """How a worker imports uploaded archives of posts."""
        fetch = import_archive.fetch_with(self.guarded_client)
        return ArchiveJob(self.sessions, self.pictures, fetch, self.settings.archive_folder, worker)

    def outside_checks(self, worker: WorkerContext) -> OutsideChecks:
        """How a worker checks links, if it may, and asks the spam filter."""
        client = self.guarded_client if self.settings.link_checks else None
        return OutsideChecks(self.sessions, self.letters, client, worker)

    @cached_property
    def guarded_client(self) -> GuardedClient:
        """The HTTP client for URLs that others chose; it requests nothing from our own host."""
        return GuardedClient(frozenset({urlsplit(self.settings.public_url).hostname or ""}))

    def close(self) -> None:
        """Close the database connections."""
        self.sessions.engine.dispose()


def open_services(settings: Settings, *, check_schema: bool = True) -> Services:
    """Make the services from the settings; Conflict, saying what to do, if the schema is of another version."""
    sessions = Sessions(open_engine(settings.database))
    if check_schema:
        schema.require_current(sessions.reading_engine)
    seal = TokenSeal(settings.secret, *settings.older_secrets)
    links = Links(settings.public_url, seal, settings.pictures_public_url, settings.incoming_mail_domain)
    if check_schema:
        erasures.reseal_key(sessions, seal)
    return Services(
        settings=settings,
        sessions=sessions,
        links=links,
        audience=_audience_services(settings, sessions, links),
        pictures=_pictures(settings),
    )


def _mailbox(settings: Settings) -> MailboxAccess | None:
    if not settings.bounce_imap_server or settings.bounce_imap_password is None:
        return None
    return MailboxAccess(
        settings.bounce_imap_server,
        settings.bounce_imap_port,
        settings.bounce_imap_security,
        settings.bounce_imap_username,
        settings.bounce_imap_password,
        settings.bounce_imap_folder,
        settings.bounce_imap_read_folder,
        settings.bounce_imap_other_folder,
    )


def _pictures(settings: Settings) -> PictureStore:
    if not settings.pictures_url or settings.pictures_secret is None:
        return FolderPictureStore(settings.picture_folder)
    from newsletter.editorial.images import s3_storage  # rarely used, and its library takes memory

    key_id, secret = settings.pictures_key_id, settings.pictures_secret
    return s3_storage.open_bucket(
        settings.pictures_url, settings.pictures_endpoint, settings.pictures_region, key_id, secret
    )


def _audience_services(settings: Settings, sessions: Sessions, links: Links) -> AudienceServices:
    caps = SignupCaps(
        address=settings.signup_cap_address,
        domain=settings.signup_cap_domain,
        client=settings.signup_cap_client,
        month=settings.signup_cap_month,
        in_all=settings.signup_cap_press,
    )

    def compose(
        kind: str, publication: Publication, fields: Mapping[str, str], language: str | None = None
    ) -> Composed:
        is_to_team = PURPOSES.get(kind) is Purpose.TEAM
        spoken = messages.SOURCE if is_to_team else messages.chosen_or(language, publication.language)
        first_read = _first_read(sessions, links, publication) if kind == "welcome" else None
        mail = render.single_mail(kind, Branding.for_publication(publication, links, spoken), first_read)
        return _filled(mail, kind, {"next_issue": _weekly_hours(publication, spoken), **fields})

    return AudienceServices(links, compose, caps, settings.consent_origin, settings.secret)


def _first_read(sessions: Sessions, links: Links, publication: Publication) -> Link | None:
    """The issue that a welcome links to: the one chosen in the settings, else the latest."""
    with sessions.reading() as session:
        latest = archive.published(publication.id).limit(1)
        issue = archive.start_here(session, publication) or session.scalar(latest)
        return Link(issue.title, links.archive(issue.slug)) if issue else None


def _weekly_hours(publication: Publication, language: str) -> str:
    return formats.word_list([formats.weekly(slot, language) for slot in publication.slots], language)


def _filled(mail: render.Rendered, kind: str, fields: Mapping[str, str]) -> Composed:
    subject, html, text = _compiled(mail, kind)
    return Composed(
        kind=kind,
        subject=subject.fill(fields, as_line),
        html=html.fill(fields, merge.as_html_lines),
        text=text.fill(fields, as_lines),
        template=f"{mail.subject}\n\n{mail.text}",
    )


@lru_cache(maxsize=64)
def _compiled(mail: render.Rendered, kind: str) -> tuple[merge.Template, ...]:
    return tuple(merge.compile(part, render.FIELDS[kind]) for part in (mail.subject, mail.html, mail.text))
