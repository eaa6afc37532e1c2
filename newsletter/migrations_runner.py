"""Migrating: bring a database forward with Alembic. Only the commands that migrate import this."""

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, MetaData

import newsletter.audience.confirm_breaker
import newsletter.audience.importing.progress
import newsletter.audience.importing.uploads.models
import newsletter.audience.importing.uploads.report
import newsletter.audience.models
import newsletter.audience.search_index
import newsletter.audience.segments.store
import newsletter.audience.series_readers
import newsletter.audience.tags
import newsletter.audience.topics
import newsletter.audit
import newsletter.delivery.bounces.events
import newsletter.delivery.bounces.holds
import newsletter.delivery.bounces.intake.mailbox_lease
import newsletter.delivery.bounces.intake.reader_mails
import newsletter.delivery.bounces.intake.tally
import newsletter.delivery.bounces.webhooks
import newsletter.delivery.models
import newsletter.delivery.rate_limit.limiter_store
import newsletter.delivery.reports.clicks
import newsletter.delivery.reports.provider_results
import newsletter.delivery.reports.stats
import newsletter.delivery.workers.heartbeat
import newsletter.delivery.workers.send_permission
import newsletter.editorial.imported.posts
import newsletter.editorial.imported.uploads
import newsletter.editorial.issues.archive_index
import newsletter.editorial.issues.correction_draft
import newsletter.editorial.issues.desk_index
import newsletter.editorial.issues.digests
import newsletter.editorial.issues.issue_bin
import newsletter.editorial.issues.issue_templates
import newsletter.editorial.issues.slugs
import newsletter.editorial.issues.snippets
import newsletter.editorial.models
import newsletter.editors
import newsletter.engagement.comments
import newsletter.engagement.helpfulness
import newsletter.engagement.requests
import newsletter.publications.wordings  # noqa: F401  (importing the tables is what fills the metadata)
from newsletter import schema
from newsletter.db import Base
from newsletter.system.bundled import folder


def metadata() -> MetaData:
    """Every table that the code knows."""
    return Base.metadata


def upgrade(engine: Engine) -> None:
    """Migrate to the newest revision, in one transaction; Conflict if the database is newer than the code."""
    if schema.schema_state(engine) is schema.SchemaState.NEWER:
        schema.require_current(engine)
    with engine.begin() as connection:
        upgrade_to(connection, "head")


def upgrade_to(connection: Connection, revision: str) -> None:
    """Migrate to this revision, in the caller's transaction."""
    command.upgrade(config(connection), revision)


def config(connection: Connection | None = None) -> Config:
    """Alembic's configuration: where the migrations lie, and the connection they run on."""
    made = Config()
    made.set_main_option("script_location", str(folder("migrations")))
    made.attributes["connection"] = connection
    return made
