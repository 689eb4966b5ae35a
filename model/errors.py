"""What can go wrong in `model`, as one small tree.

    ModelError            the text says what happened, where, and what to do
    ├── CheckpointError   files that are missing, damaged, or of a kind we do not read
    ├── OutOfMemory       it does not fit into this machine's memory
    │   └── DoesNotFit    that was known before it began
    ├── NotFinite         the network returned numbers that are none
    ├── LicenceNotAccepted  the model's licence must be accepted before it is used
    └── HubError        a model cannot be got: network, hub, disk, or what was sent
    Stopped               not a fault: the caller asked for an early end

A request that no model could run raises `model.requests.RequestError`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class ModelError(Exception):
    """The model could not do it. The text is meant for the person in front of the screen."""


class CheckpointError(ModelError):
    """A model folder that cannot be used as it is."""


class OutOfMemory(ModelError):
    """Not enough memory, on the device or in the machine."""


class DoesNotFit(OutOfMemory):
    """A plan says so; nothing was begun."""


class NotFinite(ModelError):
    """The network's output holds NaN or infinity, so there is no picture in it."""


class LicenceNotAccepted(ModelError):
    """The user has not yet accepted a licence that allows no commercial use."""

    def __init__(self, model: str, licence: str) -> None:
        super().__init__(
            f"{model} is under the {licence}, which allows no commercial use; read it, and if you "
            "accept it say so once (--accept-licence at the command line)"
        )


class HubError(ModelError):
    """A published model cannot be downloaded. What has arrived is kept, unless the text says so."""


class Stopped(Exception):
    """Raised out of a run whose `should_stop` said yes."""


@contextmanager
def memory_faults(doing: str) -> Iterator[None]:
    """Turn torch's ways of saying "no memory left" into OutOfMemory."""
    try:
        yield
    except MemoryError as error:
        raise OutOfMemory(_advice(doing)) from error
    except RuntimeError as error:  # torch.OutOfMemoryError is one; MPS and the CPU raise it plain
        text = str(error).lower()
        if "out of memory" in text or "can't allocate memory" in text:
            raise OutOfMemory(_advice(doing)) from error
        raise


def _advice(doing: str) -> str:
    return (
        f"not enough memory while {doing}; "
        "use a smaller size or model, or close other programs, and try again"
    )
