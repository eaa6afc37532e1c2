"""The worker's part of an archive that was uploaded at the desk: its posts become drafts, one after the other."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy.orm import Session

from newsletter.db import Sessions
from newsletter.delivery.workers.context import WorkerContext
from newsletter.editorial.images.pictures import PictureStore
from newsletter.editorial.imported import uploads
from newsletter.editorial.imported.uploads import LEASE, QUEUE, ArchiveState, ArchiveUpload
from newsletter.errors import Conflict
from newsletter.publications import Publication
from newsletter.system import uploaded_files
from newsletter.workflows import import_archive, peer_archives
from newsletter.workflows.import_archive import ArchiveImport, Fetch, PostFate

log = structlog.get_logger(__name__)

_MOST_TOLD = 500
"""The most posts that were not imported of which the page says why."""
_LONGEST_TITLE = 200


@dataclass(frozen=True, slots=True)
class ArchiveJob:
    """What a worker needs to import uploaded archives."""

    sessions: Sessions
    store: PictureStore
    fetch: Fetch
    folder: Path
    worker: WorkerContext

    def run(self) -> None:
        """Import every archive that waits."""
        QUEUE.process_all(self.sessions, self.worker, self._import_posts, partial(self._end, ArchiveState.FAILED))

    def prune(self) -> None:
        """Delete reports and files whose time is over."""
        with self.sessions.begin() as session:
            needed = uploads.prune(session, self.worker.clock())
        uploaded_files.delete_orphans(self.folder, needed)

    def _import_posts(self, upload: ArchiveUpload) -> None:
        """Import the posts from where an earlier run broke off, until all are done or the worker is to stop."""
        source, archive = peer_archives.read_archive(self.folder / upload.stored_name, name=upload.file_name)
        with self.sessions.begin() as session:
            self._renew(session, upload, state=ArchiveState.IMPORTING, source=source)
            publication = session.get_one(Publication, upload.publication_id)
            session.expunge(publication)
        upload.state = ArchiveState.IMPORTING
        fetch = partial(self._fetch, upload) if upload.with_pictures else None
        record = partial(self._record, upload)
        wanted = ArchiveImport(self.sessions, self.store, publication, source, fetch, record=record)
        for _ in import_archive.import_posts(wanted, archive, self.worker.clock(), after=upload.posts_done):
            if self.worker.is_stopping():
                return
        self._end(ArchiveState.DONE, upload)

    def _fetch(self, upload: ArchiveUpload, url: str, most_bytes: int) -> bytes | None:
        # A post may have many pictures, each on a slow server.
        if upload.claimed_until and upload.claimed_until - self.worker.clock() < LEASE / 2:
            with self.sessions.begin() as session:
                self._renew(session, upload)
        return self.fetch(url, most_bytes)

    def _record(self, upload: ArchiveUpload, session: Session, fate: PostFate) -> None:
        upload.posts_done += 1
        if fate.slug:
            upload.imported += 1
        elif len(upload.skipped) < _MOST_TOLD:
            upload.skipped = [*upload.skipped, [fate.title[:_LONGEST_TITLE], fate.reason]]
        counts = {"posts_done": upload.posts_done, "imported": upload.imported, "skipped": upload.skipped}
        self._renew(session, upload, **counts)

    def _end(self, state: ArchiveState, upload: ArchiveUpload, fault: str = "") -> None:
        try:
            with self.sessions.begin() as session:
                self._renew(session, upload, state=state, fault=fault)
        except Conflict:
            log.warning("archive is another worker's by now", upload=upload.id)
            return
        (self.folder / upload.stored_name).unlink(missing_ok=True)
        log.info("archive at the desk", upload=upload.id, state=state.value, imported=upload.imported)

    def _renew(self, session: Session, upload: ArchiveUpload, **values: Any) -> None:
        now = self.worker.clock()
        if not QUEUE.renew(session, upload.id, self.worker.name, upload.state, now, **values):
            raise Conflict("another worker has this archive by now")
        upload.claimed_until = now + LEASE
