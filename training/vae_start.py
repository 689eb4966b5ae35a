"""The VAE that training starts from: random weights that let a signal through.

Knows the network; not how it is trained.
"""

from __future__ import annotations

import math

import torch
from torch import nn

from model.config import VaeConfig
from model.vae import Attention, ResidualBlock, Vae
from training.config import VaeNetwork

BRANCH_GAIN = 0.3


def make_vae(network: VaeNetwork, latent_noise: float) -> Vae:
    """A VAE of random weights whose posterior has the deviation that its decoder is trained on."""
    stages = len(network.dim_mult) - 1
    vae = Vae(
        VaeConfig(
            base_dim=network.base_dim,
            z_dim=network.z_dim,
            dim_mult=network.dim_mult,
            num_res_blocks=network.num_res_blocks,
            temperal_downsample=(False, *[True] * (stages - 1))[:stages],
            latents_mean=(0.0,) * network.z_dim,
            latents_std=(1.0,) * network.z_dim,
        )
    )
    initialise(vae)
    with torch.no_grad():  # training compares the mode alone: nothing else would set this half
        vae.quant_conv.weight[network.z_dim :] = 0
        assert vae.quant_conv.bias is not None
        vae.quant_conv.bias[network.z_dim :] = 2 * math.log(max(latent_noise, 1e-6))
    return vae


@torch.no_grad()
def initialise(vae: Vae) -> None:
    """Convolutions that keep the variance, no biases, small residual branches.

    torch's own start shrinks the signal at every convolution outside a norm, until biases drown the
    latents: the loss then rests for over 1,000 steps at the mean colour.
    """
    for module in vae.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.normal_(module.weight, std=module.weight[0].numel() ** -0.5)
            assert module.bias is not None
            nn.init.zeros_(module.bias)
    for module in vae.modules():
        if isinstance(module, ResidualBlock):
            module.conv2.weight.mul_(BRANCH_GAIN)
        elif isinstance(module, Attention):
            module.proj.weight.mul_(BRANCH_GAIN)
