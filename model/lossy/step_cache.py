"""The step cache: a step whose first block does nearly what it did before is not run to the end.

Of a whole step two things are kept for each prompt: what the first block added to the target's
tokens, and what all others added behind it. At a later step the first block is run again. Where it
adds nearly the same, the others are skipped, and what they added then is added again.

The target's tokens alone are compared: text and references hardly change from step to step, and
would hide that the target does. Both branches of guidance are decided together, and only where
both have changed little: one pass of streamed blocks serves both, so that skipping one would save
no reading; and guidance multiplies the difference of the branches, which one old and one fresh
branch would fill with the change from step to step.

The test is that of the first-block cache of ParaAttention and diffusers.

Shapes: B pictures, L target tokens, d width.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


class StepCache:
    """Of one run. `may_skip` and `has_skipped` are of the current step: the run sets the one, a
    transformer the other."""

    def __init__(self, threshold: float) -> None:
        """`threshold`: a change of the first block's part, relative in its mean absolute values,
        below which a step is skipped; zero skips none."""
        self.may_skip = self.has_skipped = False
        self._threshold = threshold
        self._firsts: list[Tensor] = []
        self._rests: list[Tensor] = []
        self._behind: list[Tensor] = []

    def skips(self, start: Tensor, behind: Sequence[Tensor]) -> bool:
        """Whether the other blocks are skipped. `start` are the target's tokens [B, L, d] in front
        of the first block, `behind` those behind it, under each prompt."""
        firsts = [tokens - start for tokens in behind]
        self.has_skipped = (
            self.may_skip
            and len(firsts) == len(self._firsts)
            and all(
                change(now, then) < self._threshold
                for now, then in zip(firsts, self._firsts, strict=True)
            )
        )
        if not self.has_skipped:
            self._firsts, self._rests = firsts, []
        self._behind = list(behind)
        return self.has_skipped

    def completed(self, ends: Sequence[Tensor]) -> list[Tensor]:
        """The target's tokens behind the last block, from where the pass has ended."""
        behind, self._behind = self._behind, []
        if self.has_skipped:
            return [end + rest for end, rest in zip(ends, self._rests, strict=True)]
        self._rests = [end - first for end, first in zip(ends, behind, strict=True)]
        return list(ends)


class NoStepCache(StepCache):
    """Every step is run whole, and nothing kept."""

    def __init__(self) -> None:
        super().__init__(0.0)

    def skips(self, start: Tensor, behind: Sequence[Tensor]) -> bool:
        return False

    def completed(self, ends: Sequence[Tensor]) -> list[Tensor]:
        return list(ends)


WHOLE = NoStepCache()


def change(now: Tensor, then: Tensor) -> float:
    """From one [B, L, d] to another, relative, of the picture that changed most."""
    moved, size = (
        tensor.abs().mean(dim=(1, 2), dtype=torch.float32) for tensor in (now - then, then)
    )
    return (moved / size).max().item()
