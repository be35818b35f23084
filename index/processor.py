"""A network made quick on this processor, its answers the same: the owner of what is particular to one.

Three things, each measured on two cores of a Xeon with AMX: bfloat16 where the processor multiplies it in hardware (2.4
to 3 times the passages a second, same recall), weights laid out for that once and not at each call, and memory that is
not handed back to the system between two calls; the last two together take 25 to 40 % off a forward pass.
"""

import ctypes
import sys
from functools import cache
from pathlib import Path
from typing import Literal, TypeVar

import torch
from torch import nn

Dtype = Literal["auto", "float32", "bfloat16"]
_FAST_BFLOAT16 = {"amx_bf16", "avx512_bf16"}
_ROWS = 512  # tokens of a usual call, for which the layout is chosen
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h
_KEPT_BLOCK, _KEPT_IN_ALL = 1 << 25, 1 << 29

Net = TypeVar("Net", bound=nn.Module)


def processor_dtype(described_in: Path = Path("/proc/cpuinfo")) -> Literal["float32", "bfloat16"]:
    """bfloat16 where the processor has AMX or AVX512-BF16."""
    try:
        cpu = described_in.read_text(encoding="ascii", errors="replace")
    except OSError:
        return "float32"
    flags = next((line for line in cpu.splitlines() if line.startswith("flags")), "")
    return "bfloat16" if _FAST_BFLOAT16 & set(flags.split()) else "float32"


def prepared(network: Net, dtype: Dtype = "auto") -> Net:
    """The network itself, ready to be asked and no longer to be trained."""
    _keep_memory()
    name = processor_dtype() if dtype == "auto" else dtype
    network.eval().to(getattr(torch, name))
    if name == "bfloat16" and processor_dtype() == "bfloat16" and torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        for module in list(network.modules()):
            for part, layer in module.named_children():
                if type(layer) is nn.Linear:
                    setattr(module, part, _Packed(layer))
    return network


class _Packed(nn.Module):
    """A linear layer whose weights lie as oneDNN multiplies them. torch.compile makes the same of one."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self._weight = torch.ops.mkldnn._reorder_linear_weight(layer.weight.detach(), _ROWS)
        self._bias = None if layer.bias is None else layer.bias.detach()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = torch.ops.mkldnn._linear_pointwise(x, self._weight, self._bias, "none", [], None)
        return out


@cache
def _keep_memory() -> None:
    """glibc gives each large block back when it is freed, and the next call pays for every page of it again."""
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # not of musl
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _KEPT_BLOCK)
        mallopt(_M_TRIM_THRESHOLD, _KEPT_IN_ALL)
