"""Frozen linear layers whose products are computed with fewer bits than float32.

What flows between the layers stays float32: norms, attention, residuals. Only the matrix products
are lowered, forward and back to the input, and they are nearly all of a transformer's work.

- ``int8``: weights are rounded to 8 bits once, with a scale for each output channel (and, in a
  second copy for the way back, for each input channel); activations and gradients as they come,
  with a scale for each row. Dettmers et al., *LLM.int8()* (2022), without its outlier columns.
- ``bf16``: both factors are rounded to bfloat16, and the sums are gathered in float32.

Both are deterministic: int8 sums are exact, and what is rounded hangs on the row alone.
"""

import functools
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

Precision = Literal["float32", "bf16", "int8"]

TOP = 127  # the largest of the 8-bit numbers in use: -127 to 127
LEAST = 1e-30  # of a row's largest value, so that a row of zeros has a scale


class Lowered(nn.Module):
    """A linear layer at another precision than float32; it maps (…, in) to (…, out)."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.width = weight.shape[0]
        self.register_buffer("bias", bias.detach().clone(), persistent=False)

    bias: Tensor

    def forward(self, x: Tensor) -> Tensor:
        """Map ``x`` (…, in) to (…, out)."""
        y = self.rows(x.reshape(-1, x.shape[-1]))
        return y.view(*x.shape[:-1], self.width)

    def rows(self, x: Tensor) -> Tensor:
        """Map ``x`` (rows, in) to (rows, out), both float32, with gradient to ``x``."""
        raise NotImplementedError


class Int8(Lowered):
    """A linear layer whose products are of 8-bit integers, summed in 32."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__(weight, bias)
        forth, forth_scale = rounded(weight)
        back, back_scale = rounded(weight.t().contiguous())
        self.register_buffer("forth", forth, persistent=False)  # (out, in)
        self.register_buffer("back", back, persistent=False)  # (in, out)
        self.register_buffer("forth_scale", forth_scale.flatten(), persistent=False)
        self.register_buffer("back_scale", back_scale.flatten(), persistent=False)
        # In the order that the processor wants them in; a compiler can't look into these.
        self._packed = _pack(forth), _pack(back)

    forth: Tensor
    back: Tensor
    forth_scale: Tensor
    back_scale: Tensor

    def rows(self, x: Tensor) -> Tensor:
        """Map ``x`` (rows, in) to (rows, out)."""
        forth, back = (None, None) if torch.compiler.is_compiling() else self._packed
        out: Tensor = _Int8Product.apply(  # type: ignore[no-untyped-call]
            *(x, self.bias, self.forth, self.forth_scale, forth),
            *(self.back, self.back_scale, back),
        )
        return out


class Bf16(Lowered):
    """A linear layer whose factors are rounded to bfloat16."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__(weight, bias.to(torch.bfloat16))
        lowered = weight.detach().to(torch.bfloat16)
        self.register_buffer("weight", lowered, persistent=False)  # (out, in)

    weight: Tensor

    def rows(self, x: Tensor) -> Tensor:
        """Map ``x`` (rows, in) to (rows, out)."""
        return functional.linear(x.to(torch.bfloat16), self.weight, self.bias).to(x.dtype)


KINDS: dict[Precision, type[Lowered]] = {"int8": Int8, "bf16": Bf16}


def rounded(x: Tensor) -> tuple[Tensor, Tensor]:
    """Round each row of ``x`` (rows, n) to 8 bits: the integers, and the scale of each (rows, 1).

    A row that holds what is no number has a scale that is none, so that it isn't lost.
    """
    # Two reductions are quicker than one of magnitudes, which would be written down first.
    largest = torch.maximum(x.amax(1, keepdim=True), -x.amin(1, keepdim=True)).clamp(min=LEAST)
    return (x * (TOP / largest)).round_().to(torch.int8), largest / TOP


class _Int8Product(torch.autograd.Function):
    """``x @ weight.T + bias`` in 8 bits; the way back goes through a copy rounded for it."""

    @staticmethod
    def forward(
        x: Tensor, bias: Tensor, forth: Tensor, scales: Tensor, packed: Tensor | None, *_back: Any
    ) -> Tensor:
        q, scale = rounded(x)
        return torch.addcmul(bias, _product(q, forth, scales, packed), scale)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], _output: Tensor) -> None:
        *_, back, back_scale, ctx.packed = inputs
        ctx.save_for_backward(back, back_scale)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        back, back_scale = ctx.saved_tensors
        q, scale = rounded(gradient)
        return _product(q, back, back_scale, ctx.packed) * scale, *(None,) * 7


def _product(q: Tensor, weight: Tensor, scale: Tensor, packed: Tensor | None) -> Tensor:
    """``q`` (rows, in) by ``weight`` (out, in), both int8, times ``scale`` (out): float32."""
    if packed is None:
        return torch._int_mm(q, weight.t()) * scale
    zeros = torch.zeros(len(scale), dtype=torch.int64)
    out: Tensor = torch.ops.onednn.qlinear_pointwise(
        q, 1.0, 0, packed, scale, zeros, None, 1.0, 0, torch.float32, "none", [], ""
    )
    return out


@functools.cache
def sums_are_exact() -> bool:
    """Whether 8-bit products are summed exactly here: on processors without VNNI they saturate."""
    rows = torch.full((32, 64), TOP, dtype=torch.int8)
    rows[1::2] = -TOP
    exact = rows.long() @ rows.long().t()
    return bool((torch._int_mm(rows, rows.t().contiguous()) == exact).all())


def _pack(weight: Tensor) -> Tensor | None:
    """``weight`` as oneDNN wants it, or None where that is of no use."""
    # Without the matrix unit it may fall to a reference that is hundreds of times slower.
    if weight.device.type != "cpu" or not torch.cpu._is_amx_tile_supported():
        return None
    try:
        packed: Tensor = torch.ops.onednn.qlinear_prepack(weight, None)
        _product(
            weight.new_zeros(1, weight.shape[1]),
            weight,
            weight.new_ones(len(weight), dtype=torch.float32),
            packed,
        )
    except (RuntimeError, AttributeError):
        return None
    return packed
