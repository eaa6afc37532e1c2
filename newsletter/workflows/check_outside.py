"""The jobs that ask others about issues: the sites that they link to, and the spam filter."""

from newsletter.db import Sessions
from newsletter.delivery.workers.context import WorkerContext, has_work
from newsletter.editorial.external_checks import link_checks, spam_checks
from newsletter.outbound.guarded_client import GuardedClient
from newsletter.workflows import run_preflight
from newsletter.workflows.build_letter import LetterSettings

_LINKS_AT_ONCE = 24


class OutsideChecks:
    """A worker's checks of links, if the settings allow them, and of spam."""

    def __init__(
        self, sessions: Sessions, letters: LetterSettings, client: GuardedClient | None, worker: WorkerContext
    ) -> None:
        """`client` asks the sites; None if links are not to be checked."""
        self._sessions = sessions
        self._letters = letters
        self._client = client
        self._worker = worker

    def queue_links(self) -> None:
        """Ask for a check of the links of what is to go out, where it is time for one."""
        if self._client:
            with self._sessions.begin() as session:
                run_preflight.request_link_checks(session, self._letters.links, self._worker.clock())

    def check_links(self) -> None:
        """Ask some of the sites whose links are to be checked."""
        if self._client is None or not has_work(self._sessions, self._worker, link_checks.are_due):
            return
        asked_at = self._worker.clock()
        with self._sessions.begin() as session:
            urls = link_checks.claim(session, _LINKS_AT_ONCE, asked_at)
        for answer in self._client.ask_all(urls, self._worker.is_stopping):
            with self._sessions.begin() as session:
                link_checks.record(session, answer, self._worker.clock(), asked_at)

    def check_spam(self) -> None:
        """Let the spam filter read a mail that waits for it."""
        clock = self._worker.clock
        if not has_work(self._sessions, self._worker, spam_checks.is_due):
            return
        with self._sessions.begin() as session:
            taken = spam_checks.claim(session, 1, clock())
        for content, issue_id in taken:
            with self._sessions.reading() as session:
                mail = run_preflight.mail_for_spam_check(session, issue_id, content, self._letters, clock())
            verdict = spam_checks.run_spamassassin(mail, self._worker.is_stopping) if mail else spam_checks.CHANGED
            if verdict is not None:
                with self._sessions.begin() as session:
                    spam_checks.record(session, content, verdict, clock())
