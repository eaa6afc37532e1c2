"""The worker's part of an archive that was uploaded at the desk: its posts become drafts, one after the other."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import structlog

from newsletter.db import Sessions
from newsletter.delivery.workers.context import WorkerContext
from newsletter.editorial.images.pictures import PictureStore
from newsletter.editorial.imported import uploads
from newsletter.editorial.imported.uploads import LEASE, ArchiveState, ArchiveUpload
from newsletter.errors import PressError
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
        while not self.worker.is_stopping() and self._run_next():
            pass

    def prune(self) -> None:
        """Delete reports and files whose time is over."""
        with self.sessions.begin() as session:
            needed = uploads.prune(session, self.worker.clock())
        uploaded_files.delete_orphans(self.folder, needed)

    def _run_next(self) -> bool:
        with self.sessions.reading() as session:
            waiting = uploads.next_waiting(session, self.worker.clock())
        if waiting is None:
            return False
        with self.sessions.begin() as session:
            upload = uploads.claim_upload(session, waiting, self.worker.clock())
            if upload is None:
                return False
            session.expunge(upload)
        run = _Run.resume(self, upload)
        try:
            run.import_posts()
        except PressError as error:
            run.end(ArchiveState.FAILED, str(error))
        return True


@dataclass(slots=True)
class _Run:
    """One run over an archive, from the post at which an earlier run broke off."""

    job: ArchiveJob
    upload: ArchiveUpload
    skipped: list[Any]
    done: int
    imported: int

    @classmethod
    def resume(cls, job: ArchiveJob, upload: ArchiveUpload) -> Self:
        """A run that continues where the last one stopped."""
        return cls(job, upload, list(upload.skipped), upload.posts_done, upload.imported)

    def import_posts(self) -> None:
        """Import the posts until all are done, or the worker is asked to stop."""
        for fate in itertools.islice(self._fates(), self.done, None):
            self.done += 1
            if fate.slug:
                self.imported += 1
            elif len(self.skipped) < _MOST_TOLD:
                self.skipped.append([fate.title[:_LONGEST_TITLE], fate.reason])
            is_stopping = self.job.worker.is_stopping()
            self._store(claimed_until=None if is_stopping else self.job.worker.clock() + LEASE)
            if is_stopping:
                return
        self.end(ArchiveState.DONE)

    def end(self, state: ArchiveState, fault: str = "") -> None:
        """Store how it ended, and delete the file."""
        self._store(state=state, fault=fault, claimed_until=None)
        (self.job.folder / self.upload.stored_name).unlink(missing_ok=True)
        log.info("archive at the desk", upload=self.upload.id, state=state.value, imported=self.imported)

    def _fates(self) -> Iterator[PostFate]:
        job, upload = self.job, self.upload
        source, archive = peer_archives.read_archive(job.folder / upload.stored_name, name=upload.file_name)
        self._store(source=source)
        with job.sessions.reading() as session:
            publication = session.get_one(Publication, upload.publication_id)
            session.expunge(publication)
        fetch = job.fetch if upload.with_pictures else None
        wanted = ArchiveImport(job.sessions, job.store, publication, source, fetch)
        return import_archive.import_posts(wanted, archive, job.worker.clock())

    def _store(self, **values: Any) -> None:
        with self.job.sessions.in_turn() as session:
            counts = {"posts_done": self.done, "imported": self.imported, "skipped": self.skipped}
            uploads.store_progress(session, self.upload.id, **counts, **values)
