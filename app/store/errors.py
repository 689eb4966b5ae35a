"""What can go wrong with a project file or a written file. Each text says what happened, what was
kept, and what to do; it knows nothing of dialogs.

    StoreError
    ├── WriteFailed       nothing was written; the old content is as it was
    │   ├── DiskFull      ... because there is no room
    │   └── ReadOnly      ... because the project was opened for reading
    ├── ProjectMissing    no such file, or it may not be read
    ├── NotAProject       a file of another kind
    ├── NewerProject      of a version whose content this program cannot read
    └── ProjectDamaged    a project of which nothing could be read
"""

from __future__ import annotations


class StoreError(Exception):
    """Anything the store reports. The text is for the designer."""


class WriteFailed(StoreError):
    """Nothing was written; what was there before is as it was."""


class DiskFull(WriteFailed):
    """No room on the disk. Works again once there is."""


class ReadOnly(WriteFailed):
    """The project is open for reading only."""


class ProjectMissing(StoreError):
    """No such file, or no permission to read it."""


class NotAProject(StoreError):
    """The file is something else."""


class NewerProject(StoreError):
    """Written by a newer Inkstone, in a form this one cannot even read."""


class ProjectDamaged(StoreError):
    """Part of the project cannot be read, and nothing intact was found in its place."""
