"""Where the text encoder is: on the device while it works, in host memory while the transformer
does."""

from __future__ import annotations

import torch
from torch import nn


class Stay:
    """Moves modules between `home` and `device`, and not at all where these are the same."""

    def __init__(self, home: torch.device, device: torch.device, *modules: nn.Module) -> None:
        self.home, self.device = home, device
        self._modules = list(modules)
        self._is_away = False

    def add(self, module: nn.Module) -> None:
        """One more, which is on the device."""
        self._modules.append(module)

    def enter(self) -> None:
        if not self._is_away and self.home != self.device:
            self._is_away = True
            self._move(self.device)

    def leave(self) -> None:
        if self._is_away:
            self._move(self.home)
            self._is_away = False

    def _move(self, device: torch.device) -> None:
        for module in self._modules:
            move(module, device)


def move(module: nn.Module, device: torch.device) -> None:
    """All that has values; what is on the meta device comes from elsewhere."""
    module._apply(lambda tensor: tensor if tensor.is_meta else tensor.to(device))
