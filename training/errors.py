"""The exceptions of `training`: what went wrong, where, and what to do about it, in one line."""

from __future__ import annotations


class TrainingError(Exception):
    """Anything that a run file, a checkpoint, a disk or a loss can get wrong."""


class ConfigError(TrainingError, ValueError):
    """A run file that cannot be used; the text names file, option and range."""


class CheckpointError(TrainingError):
    """A checkpoint that is damaged, missing, or made for other networks."""


class NonFiniteLoss(TrainingError):
    """The loss or its gradient is no number; the weights are still those of the step before."""
