"""Memory and operations foretold without doing the work, against counts by hand and real peaks."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from model.memory.footprint import Cost, cost_of

FLOAT = 4


def test_what_is_alive_at_once_counts_and_what_was_there_does_not() -> None:
    def prepare():
        x = torch.empty(1000)  # not counted

        def work() -> None:
            a = x + 1  # 4,000 bytes
            b = a * 2  # 8,000
            del a  # 4,000
            c = torch.cat([b, b])  # 12,000
            del b, c
            torch.empty(500)

        return work

    assert cost_of(prepare) == Cost(peak_bytes=3 * 1000 * FLOAT, flops=0)


def test_views_and_work_in_place_take_nothing() -> None:
    def prepare():
        x = torch.empty(10, 10)
        return lambda: x.view(100)[:50].mul_(2).add_(1).transpose(0, 0)

    assert cost_of(prepare).peak_bytes == 0


@settings(max_examples=20, deadline=None)
@given(n=st.integers(1, 50), i=st.integers(1, 50), o=st.integers(1, 50))
def test_a_linear_takes_its_output_and_two_operations_a_product(n: int, i: int, o: int) -> None:
    def prepare():
        linear, x = torch.nn.Linear(i, o), torch.empty(n, i)
        return lambda: linear(x)

    assert cost_of(prepare) == Cost(peak_bytes=n * o * FLOAT, flops=2 * n * i * o)


def test_attention_grows_with_the_tokens_in_memory_and_with_their_square_in_work() -> None:
    def of(n: int) -> Cost:
        def prepare():
            q = torch.empty(1, 2, n, 16)
            return lambda: F.scaled_dot_product_attention(q, q, q)

        return cost_of(prepare)

    assert of(512).flops == 4 * of(256).flops == 4 * 2 * 2 * 2 * 256 * 256 * 16
    assert of(512).peak_bytes == 2 * of(256).peak_bytes
