"""Long work that a person starts and watches: imports, synchronisations, exports.

A job is a row that is made in the transaction which decides on it. A worker of any process claims it, does it
in steps, and each step commits its work together with the progress and the place where a restart goes on: a
process that dies costs the step in hand and nothing else. A worker that lost its claim can't commit a step any
more, so two never work on one job. Watchers ask for the job and are answered when it moved on.
"""

from klokwerk.jobs.items import SCHEMA_2
from klokwerk.jobs.job import Job, JobFailed, JobState, NewJob
from klokwerk.jobs.routes import JobFileView, JobView, job_routes
from klokwerk.jobs.rows import (
    SCHEMA_1,
    JobFile,
    ask_to_cancel,
    file_of,
    files_of,
    find,
    get,
    keep_file,
    page,
    start,
)
from klokwerk.jobs.worker import JobWorker, Run, Runner, Step

__all__ = [
    "SCHEMA_1",
    "SCHEMA_2",
    "Job",
    "JobFailed",
    "JobFile",
    "JobFileView",
    "JobState",
    "JobView",
    "JobWorker",
    "NewJob",
    "Run",
    "Runner",
    "Step",
    "ask_to_cancel",
    "file_of",
    "files_of",
    "find",
    "get",
    "job_routes",
    "keep_file",
    "page",
    "start",
]
