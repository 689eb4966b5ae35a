"""A trained VAE as the published layout's folder, and back again for a run that needs it.

Files are written and checked by `model.checkpoint`; here is what a run does with one network alone.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import torch

from model.checkpoint import keys, save
from model.checkpoint.configs import check_class, read_config
from model.checkpoint.folder import CLASSES
from model.checkpoint.layout import STEMS
from model.checkpoint.strict_json import read_object
from model.checkpoint.weights import load_weights
from model.config import VaeConfig
from model.errors import ModelError
from model.vae import Vae
from training.errors import CheckpointError

PART = "vae"


def load_vae(folder: Path) -> Vae:
    """The VAE of a published `vae` folder, in float32 and frozen."""
    try:
        values = read_object(folder / "config.json")
        check_class(values, CLASSES[PART], str(folder))
        config = read_config(VaeConfig, values, str(folder))
        with torch.device("meta"):
            vae = Vae(config)
        dialect = keys.vae(vae, config)
        load_weights(vae, folder, STEMS[PART], dialect, dtype=torch.float32, device="cpu")
    except ModelError as error:
        raise CheckpointError(str(error)) from error
    return vae.eval()


def replace_vae(vae: Vae, folder: Path) -> None:
    """Writes `folder` anew, in float32; the old one stays until the new one is whole."""
    new, old = folder.with_name(f".{folder.name}.new"), folder.with_name(f".{folder.name}.old")
    for leftover in (new, old):
        shutil.rmtree(leftover, ignore_errors=True)
    save.save_vae(vae, new, torch.float32)
    if folder.exists():
        folder.rename(old)
    new.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
