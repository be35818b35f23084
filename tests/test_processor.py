"""The same answers, sooner: number format, weights laid out once."""

from pathlib import Path

import pytest
import torch
from torch import nn

from index.processor import prepared, processor_dtype


@pytest.mark.parametrize(
    ("cpuinfo", "dtype"),
    [
        ("processor\t: 0\nflags\t\t: fpu avx2 amx_bf16 avx512f\n", "bfloat16"),
        ("flags\t\t: fpu avx512_bf16\n", "bfloat16"),
        ("flags\t\t: fpu avx2 avx512f\n", "float32"),
        ("model name\t: avx512_bf16 in name only\nflags\t\t: fpu\n", "float32"),
        ("Features\t: fp asimd bf16\n", "float32"),
        ("", "float32"),
    ],
)
def test_the_number_format_follows_the_processor(tmp_path: Path, cpuinfo: str, dtype: str) -> None:
    """bfloat16 only where the processor multiplies it in hardware."""
    described = tmp_path / "cpuinfo"
    described.write_text(cpuinfo)
    assert processor_dtype(described) == dtype


def test_a_machine_that_does_not_describe_its_processor_computes_in_float32(tmp_path: Path) -> None:
    """As on systems without /proc."""
    assert processor_dtype(tmp_path / "nothing") == "float32"


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_prepared_network_answers_as_before(dtype: str) -> None:
    """Its weights lie otherwise and say the same, for one row and for many, with and without an offset."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(24, 40), nn.GELU(), nn.Sequential(nn.Linear(40, 8, bias=False)))
    rows = [torch.randn(shape) for shape in ((1, 24), (700, 24), (2, 5, 24))]
    expected = [network(x) for x in rows]
    ready = prepared(network, dtype)  # type: ignore[arg-type]
    assert ready is network
    assert not ready.training
    with torch.inference_mode():
        for x, want in zip(rows, expected, strict=True):
            got = ready(x.to(getattr(torch, dtype)))
            assert got.shape == want.shape
            assert torch.allclose(got.float(), want, atol=0.03)
