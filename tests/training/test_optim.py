"""Learning rate, groups, clipping and the moving average, against tables and plain formulas."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from training import optim
from training.config import OptimizerOptions


@pytest.mark.parametrize(
    ("step", "expected"),
    [(0, 0.25), (1, 0.5), (3, 1.0), (4, 1.0), (6, 0.775), (8, 0.55), (12, 0.1), (99, 0.1)],
)
def test_the_rate_warms_up_and_falls_as_a_cosine(step: int, expected: float) -> None:
    options = OptimizerOptions(learning_rate=1.0, final_share=0.1, warmup_steps=4)
    # halfway through the cosine the rate is halfway between peak and end
    table = {6: 0.1 + 0.9 * 0.5 * (1 + 2**-0.5)}
    value = optim.learning_rate(options, step, 12)
    assert value == pytest.approx(table.get(step, expected), abs=1e-9)


def test_only_matrices_decay() -> None:
    network = nn.ModuleDict(
        {"linear": nn.Linear(2, 2), "embed_tokens": nn.Embedding(3, 2), "norm": nn.LayerNorm(2)}
    )
    optimizer = optim.make_optimizer(network.named_parameters(), OptimizerOptions())
    decaying = [p for g in optimizer.param_groups if g["weight_decay"] for p in g["params"]]
    assert [id(p) for p in decaying] == [id(network["linear"].weight)]
    assert sum(len(g["params"]) for g in optimizer.param_groups) == 5


def test_the_step_is_torchs_adamw() -> None:
    """Ours with its groups against the plain formula, three steps."""
    options = OptimizerOptions(learning_rate=0.1, weight_decay=0.5, beta1=0.8, beta2=0.9)
    weight = nn.Parameter(torch.tensor([[1.0, -2.0]]))
    optimizer = optim.make_optimizer([("w", weight)], options)
    expected, m, v = weight.detach().clone(), torch.zeros(1, 2), torch.zeros(1, 2)
    for t in range(1, 4):
        gradient = torch.tensor([[0.3, -0.1]]) * t
        weight.grad = gradient.clone()
        optim.set_learning_rate(optimizer, 0.1 / t)
        optimizer.step()
        m, v = 0.8 * m + 0.2 * gradient, 0.9 * v + 0.1 * gradient**2
        step = (m / (1 - 0.8**t)) / ((v / (1 - 0.9**t)).sqrt() + 1e-8)
        expected = expected * (1 - 0.1 / t * 0.5) - 0.1 / t * step
    assert torch.allclose(weight.detach(), expected, atol=1e-6)


def test_muon_moves_matrices_along_their_orthogonal_momentum() -> None:
    """Against the singular value decomposition: every direction moves by about the same."""
    torch.manual_seed(0)
    kernel, bias = nn.Parameter(torch.zeros(4, 3, 3, 3)), nn.Parameter(torch.zeros(4))
    options = OptimizerOptions(learning_rate=0.1, weight_decay=0.0, muon_momentum=0.9)
    optimizer = optim.make_optimizer([("kernel", kernel), ("bias", bias)], options)
    kernel.grad, bias.grad = torch.randn_like(kernel), torch.ones(4)
    u, _, vh = torch.linalg.svd(kernel.grad.flatten(1), full_matrices=False)
    optimizer.step()
    step = -kernel.detach().flatten(1) / (0.1 * 0.2 * 27**0.5)
    values = torch.linalg.svdvals(step)
    assert 0.6 < values.min() < values.max() < 1.3
    assert torch.nn.functional.cosine_similarity(step.flatten(), (u @ vh).flatten(), dim=0) > 0.95
    assert bias.detach().tolist() == pytest.approx([-0.1] * 4, rel=1e-4)  # AdamW's first step


def test_clipping_shortens_what_is_too_long_and_returns_the_length() -> None:
    weight = nn.Parameter(torch.zeros(2))
    weight.grad = torch.tensor([3.0, 4.0])
    assert optim.clip([weight], 1.0) == pytest.approx(5.0)
    assert weight.grad.norm().item() == pytest.approx(1.0, abs=1e-5)
    assert optim.clip([weight], 2.0) == pytest.approx(1.0, abs=1e-5)
    assert weight.grad.norm().item() == pytest.approx(1.0, abs=1e-5)


def test_the_average_is_the_recursion_and_its_decay_grows() -> None:
    values = [torch.tensor([float(i)]) for i in (4, 8, 16, 32)]
    ema = optim.Ema({"w": values[0]}, decay=0.3)
    expected = 4.0
    for step, value in enumerate(values[1:]):
        ema.update({"w": value}, step)
        decay = min(0.3, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * value.item()
    assert [ema.decay_at(step) for step in (0, 1, 100)] == [0.1, 2 / 11, 0.3]
    assert ema.tensors["w"].item() == pytest.approx(expected, rel=1e-6)


def test_swapping_the_average_in_gives_the_weights_back() -> None:
    weight = torch.tensor([1.0, 2.0])
    ema = optim.Ema({"w": torch.tensor([5.0, 6.0])}, decay=0.9)
    with ema.swapped({"w": weight}):
        assert weight.tolist() == [5.0, 6.0]
    assert weight.tolist() == [1.0, 2.0]
    with pytest.raises(RuntimeError, match="inside"):
        with ema.swapped({"w": weight}):
            raise RuntimeError("inside")
    assert weight.tolist() == [1.0, 2.0]
