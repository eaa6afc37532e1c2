"""The worker: one table of jobs, run by APScheduler; several workers, on any hosts, can run at once."""

from newsletter.worker.process import Worker, new_name

__all__ = ["Worker", "new_name"]
