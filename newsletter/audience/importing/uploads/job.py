"""The worker's part of an import at the desk: dry runs and imports, one at a time, each by one worker."""

import time
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import structlog
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from newsletter.audience.importing import progress
from newsletter.audience.importing.importer import ImportMode, ImportRun
from newsletter.audience.importing.plan import ImportStep, RowFate, Tally
from newsletter.audience.importing.reading import files, list_rows
from newsletter.audience.importing.reading.files import ListFile
from newsletter.audience.importing.reading.list_rows import ListSurvey
from newsletter.audience.importing.uploads import models, report
from newsletter.audience.importing.uploads.models import FORGOTTEN, KEPT, OVER, QUEUE, ImportUpload, UploadState
from newsletter.audience.services import AudienceServices
from newsletter.db import Sessions
from newsletter.delivery.workers.context import WorkerContext
from newsletter.errors import Conflict, NotFound, PressError
from newsletter.system import uploaded_files

log = structlog.get_logger(__name__)

_REPORT_EVERY = 1.0
"""Seconds."""
_GONE = "The uploaded file is no longer on this machine. Upload it again: nothing is imported twice."


@dataclass(slots=True)
class UploadJob:
    """What a worker needs to check and import uploads."""

    sessions: Sessions
    services: AudienceServices
    folder: Path
    worker: WorkerContext

    def run(self) -> None:
        """Check or import every upload that waits."""
        QUEUE.process_all(self.sessions, self.worker, self._work, self._fail)

    def prune(self) -> None:
        """Cancel uploads that nobody went on with, and delete reports and files whose time is over."""
        now = self.worker.clock()
        with self.sessions.begin() as session:
            stale = ImportUpload.changed_at < now - FORGOTTEN
            idle = (UploadState.DRAFT, UploadState.CHECKED, UploadState.PAUSED)
            for upload in session.scalars(select(ImportUpload).where(ImportUpload.state.in_(idle), stale)):
                models.cancel_import(session, upload, now)
            old = select(ImportUpload.id).where(ImportUpload.state.in_(OVER), ImportUpload.changed_at < now - KEPT)
            for upload_id in session.scalars(old).all():
                report.clear_report(session, upload_id)
                session.execute(delete(ImportUpload).where(ImportUpload.id == upload_id))
            in_use = set(session.scalars(select(ImportUpload.stored_name).where(ImportUpload.state.not_in(OVER))))
            over = set(session.scalars(select(ImportUpload.stored_name).where(ImportUpload.state.in_(OVER))))
        uploaded_files.delete_orphans(self.folder, in_use, over)

    def _work(self, upload: ImportUpload) -> None:
        path = self.folder / upload.stored_name
        settings = upload.import_settings()
        try:
            with files.open_file(path, settings.encoding, upload.file_name) as file:
                if file.sha256 != upload.sha256:
                    raise Conflict("The uploaded file is damaged. Upload it again: nothing is imported twice.")
                work = _Work(self, upload, file)
                if not (work.check() if upload.state is UploadState.CHECKING else work.import_rows()):
                    return
        except NotFound:
            raise NotFound(_GONE) from None
        self._end(upload, UploadState.CHECKED if upload.state is UploadState.CHECKING else UploadState.DONE)

    def _fail(self, upload: ImportUpload, fault: str) -> None:
        self._end(upload, UploadState.FAILED, fault)

    def _end(self, upload: ImportUpload, state: UploadState, fault: str = "") -> None:
        now = self.worker.clock()
        with self.sessions.begin() as session:
            mine = {"fault": fault, "changed_at": now, "state": state}
            ended = QUEUE.renew(session, upload.id, self.worker.name, upload.state, now, **mine)
        if ended and state in OVER:
            (self.folder / upload.stored_name).unlink(missing_ok=True)
        log.info("import at the desk", upload=upload.id, state=state.value if ended else "stopped")


@dataclass(slots=True)
class _Work:
    """One run over a file."""

    job: UploadJob
    upload: ImportUpload
    file: ListFile
    tally: Tally = field(default_factory=Tally)
    rows: int = 0
    percent: int = 0
    told_at: float = 0.0

    def check(self) -> bool:
        """The dry run; False if it was stopped."""
        samples = report.Samples()
        with self.job.sessions.begin() as session:
            report.clear_report(session, self.upload.id)
        if not self._follow(samples):
            return False
        with self.job.sessions.begin() as session:
            samples.store(session, self.upload.id)
        return True

    def import_rows(self) -> bool:
        """The import, from where it is; False if it was stopped."""
        now, upload = self.job.worker.clock(), self.upload
        with self.job.sessions.begin() as session:
            if not QUEUE.renew(session, upload.id, self.job.worker.name, upload.state, now):
                return False
            if upload.import_id is None:
                report.clear_report(session, upload.id)
            settings = upload.import_settings()
            found = progress.begin(session, upload.publication, self.file, settings, upload.operator, now)
            QUEUE.renew(session, upload.id, self.job.worker.name, upload.state, now, import_id=found.id)
        try:
            return self._follow()
        except PressError:
            # What was imported stays and is counted. If somebody has paused or cancelled it, that is why it ended.
            if self._tell():
                raise
            return False

    def _steps(self, surveys: Sequence[ListSurvey], *, dry_run: bool) -> Generator[ImportStep]:
        upload, job = self.upload, self.job
        record = None if dry_run else partial(_record, upload.id)
        mode = ImportMode(upload.operator, dry_run=dry_run, with_fates=dry_run, record=record)
        settings, now = upload.import_settings(), job.worker.clock()
        run = ImportRun(job.sessions, job.services, upload.publication, settings, now, mode)
        return run.import_file(self.file, surveys)

    def _follow(self, samples: report.Samples | None = None) -> bool:
        """Import every row, or only take samples of what would become of them; False if it was stopped."""
        settings = self.upload.import_settings()
        surveys = list_rows.survey(self.file, settings.choices, settings.source)
        with self.job.sessions.begin() as session:
            report.store_headers(session, self.upload.id, [one.layout.header for one in surveys])
        with closing(self._steps(surveys, dry_run=samples is not None)) as steps:
            for step in steps:
                if step.problems:
                    with self.job.sessions.in_turn() as session:
                        report.store_refused(session, self.upload.id, step.list_number, step.problems)
                if samples:
                    samples.add(step.fates)
                self.tally, self.rows = self.tally + step.tally, self.rows + step.rows
                self.percent = min(99, 100 * step.position // step.list_size) if step.list_size else 0
                if time.monotonic() - self.told_at > _REPORT_EVERY and not self._tell():
                    return False
                if self.job.worker.is_stopping():
                    return False
        self.percent = 100
        return self._tell()

    def _tell(self) -> bool:
        self.told_at = time.monotonic()
        counts = progress.counts_of(self.tally)
        with self.job.sessions.in_turn() as session:
            return QUEUE.renew(
                session,
                self.upload.id,
                self.job.worker.name,
                self.upload.state,
                self.job.worker.clock(),
                counts=counts,
                rows_done=self.rows,
                percent=self.percent,
            )


def _record(upload_id: int, session: Session, list_number: int, fates: Sequence[RowFate]) -> None:
    report.store_fates(session, upload_id, list_number, fates)
