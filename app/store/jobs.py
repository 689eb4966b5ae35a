"""The queue in the project file: what was asked for, and how far it came.

A job is stored before it is acknowledged. One that was running when the program ended is found
interrupted: never repeated and never dropped by itself.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from app.document.layers import new_id
from app.document.selection import Selection
from app.store.blobs import Blobs
from app.store.encoding import decode_selection, encode_selection
from app.store.fields import Fields
from app.store.pixels import PixelReader, PixelWriter
from app.store.records import seal, unseal
from app.store.requests import decode_request, encode_pictures
from model.recipes import to_recipe
from model.requests import Request


class JobStatus(Enum):
    queued = "queued"
    running = "running"
    done = "done"
    failed = "failed"
    cancelled = "cancelled"
    interrupted = "interrupted"


@dataclass(frozen=True, kw_only=True)
class Job:
    """`model` is the folder or name the engine is told; `parent` the node it starts from.

    `details` are JSON values of whoever queues it; `files` among them are the places of LoRAs and
    ControlNets, which the request names by content. `message` says why it failed.
    """

    id: str = field(default_factory=new_id)
    status: JobStatus = JobStatus.queued
    request: Request
    model: str
    parent: str | None = None
    mask: Selection | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    message: str = ""


class Jobs:
    """The table `jobs`, inside the transactions of the caller."""

    def __init__(self, connection: sqlite3.Connection, blobs: Blobs) -> None:
        self._connection = connection
        self._blobs = blobs

    def add(self, job: Job) -> None:
        record, sha256 = seal(_encode(job, PixelWriter(self._blobs)))
        self._connection.execute(
            "INSERT INTO jobs (job, status, message, record, sha256) VALUES (?, ?, ?, ?, ?)",
            (job.id, job.status.value, job.message, record, sha256),
        )

    def set_status(self, job_id: str, status: JobStatus, message: str) -> None:
        self._connection.execute(
            "UPDATE jobs SET status = ?, message = ? WHERE job = ?",
            (status.value, message, job_id),
        )

    def remove(self, job_id: str) -> None:
        self._connection.execute("DELETE FROM jobs WHERE job = ?", (job_id,))

    def interrupt_running(self) -> None:
        """For opening: nothing is running then."""
        self._connection.execute(
            "UPDATE jobs SET status = ? WHERE status = ?",
            (JobStatus.interrupted.value, JobStatus.running.value),
        )

    def all(self, *wanted: JobStatus) -> tuple[Job, ...]:
        """Those of a wanted status, or all without one, in the order of the queue.

        Raises ValueError where one cannot be read.
        """
        reader = PixelReader(self._blobs)
        rows = self._connection.execute(
            "SELECT job, status, message, record, sha256 FROM jobs ORDER BY id"
        )
        statuses = {status.value for status in wanted or JobStatus}
        found = (_decode(row, reader) for row in rows.fetchall() if row[1] in statuses)
        return tuple(job for job in found if job is not None)


def _encode(job: Job, pixels: PixelWriter) -> dict[str, Any]:
    record = {
        "recipe": to_recipe(job.request),
        "pictures": encode_pictures(job.request, pixels),
        "model": job.model,
        "parent": job.parent,
        "mask": encode_selection(job.mask, pixels),
        "details": dict(job.details),
    }
    return {**record, "needs": pixels.needs}


def _decode(row: tuple[str, str, str, str, bytes], pixels: PixelReader) -> Job | None:
    """None where its request can no longer be made: of such a job there is nothing to run again."""
    job_id, status, message, text, sha256 = row
    fields = Fields(unseal(text, sha256), "job")
    request = decode_request(fields.mapping("recipe"), fields.items("pictures"), pixels)
    if request is None:
        return None
    return Job(
        id=job_id,
        status=JobStatus(status),
        request=request,
        model=fields.text("model"),
        parent=fields.optional_text("parent"),
        mask=decode_selection(fields.optional_text("mask"), pixels),
        details=fields.mapping("details"),
        message=message,
    )
