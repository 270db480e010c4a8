"""The transformer block that CLIP's vision and text towers are made of.

Pre-normalised, as in Radford et al., *Learning Transferable Visual Models From Natural Language
Supervision* (2021): ``x + attention(norm(x))``, then ``x + mlp(norm(x))``. The weights are frozen,
so what is linear is folded once when they are loaded:

- the scale and shift of each layer norm into the linear layer behind it;
- QuickGELU's factor: ``x·sigmoid(1.702x) = silu(1.702x) / 1.702``, so 1.702 goes into the layer
  before and its inverse into the layer behind, and one fused `silu` is left. It is exact.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from mutoscope.names import Activation
from mutoscope.perceptors.clip_weights import State
from mutoscope.perceptors.lowered import KINDS, Precision

QUICK = 1.702
EPSILON = 1e-5


def frozen(value: Tensor) -> nn.Parameter:
    """A weight that no gradient is ever computed for, contiguous and with its own memory."""
    return nn.Parameter(value.detach().clone(memory_format=torch.contiguous_format), False)


class Affine(nn.Module):
    """A frozen linear layer, with the affine part of a norm in front of it folded in."""

    def __init__(self, weight: Tensor, bias: Tensor, norm: tuple[Tensor, Tensor] | None = None):
        super().__init__()
        if norm is not None:
            scale, shift = norm
            weight, bias = weight * scale, bias + weight @ shift
        self.weight = frozen(weight)  # (out, in)
        self.bias = frozen(bias)
        self.precision: Precision = "float32"
        self.lowered = nn.ModuleDict()  # what `multiply_with` has led to

    def multiply_with(self, precision: Precision) -> None:
        """Compute the product with ``precision`` from now on."""
        if precision != self.precision:
            self.precision, self.lowered = precision, nn.ModuleDict()

    def forward(self, x: Tensor, start: int = 0, stop: int | None = None) -> Tensor:
        """Map ``x`` (…, in) to (…, out), or to its outputs from ``start`` to ``stop`` alone."""
        if self.precision == "float32":
            return functional.linear(x, self.weight[start:stop], self.bias[start:stop])
        # Made when first wanted, and kept: it costs more than many products.
        name = f"{start}:{stop}"
        if name not in self.lowered:
            part = self.weight[start:stop], self.bias[start:stop]
            self.lowered[name] = KINDS[self.precision](*part)
        out: Tensor = self.lowered[name](x)
        return out


class Block(nn.Module):
    """One block: attention and a two-layer perceptron, each around a residual.

    ``state`` holds the checkpoint's tensors and ``prefix`` names the block in it, for example
    ``visual.transformer.resblocks.0``. A ``causal`` block lets each token see those before it.
    """

    def __init__(
        self, state: State, prefix: str, *, heads: int, activation: Activation, causal: bool = False
    ) -> None:
        super().__init__()
        of = {key.removeprefix(f"{prefix}."): key for key in state if key.startswith(f"{prefix}.")}

        def pair(name: str, joint: str = ".") -> tuple[Tensor, Tensor]:
            return state[of[f"{name}{joint}weight"]], state[of[f"{name}{joint}bias"]]

        rise, fall = pair("mlp.c_fc"), pair("mlp.c_proj")
        norm = pair("ln_2")
        self.quick = activation == "quickgelu"
        factor = QUICK if self.quick else 1.0
        self.heads, self.causal = heads, causal
        self.attend_in = Affine(*pair("attn.in_proj", "_"), pair("ln_1"))
        self.attend_out = Affine(*pair("attn.out_proj"))
        self.rise = Affine(rise[0] * factor, rise[1] * factor, norm)
        self.fall = Affine(fall[0] / factor, fall[1])

    def forward(self, x: Tensor) -> Tensor:
        """Every token of ``x`` (n, tokens, width) by every token."""
        n, tokens, width = x.shape
        qkv = self.attend_in(_norm(x)).view(n, tokens, 3, self.heads, width // self.heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4).unbind(0)  # each (n, heads, tokens, head)
        seen = functional.scaled_dot_product_attention(query, key, value, is_causal=self.causal)
        x = x + self.attend_out(seen.transpose(1, 2).reshape(n, tokens, width))
        return x + self._perceptron(x)

    def first(self, x: Tensor) -> Tensor:
        """The first token alone (n, width): what `forward` has there, at a fraction of the cost."""
        n, tokens, width = x.shape
        head = width // self.heads
        normed = _norm(x)
        query = self.attend_in(normed[:, :1], 0, width)
        query = query.view(n, 1, self.heads, head).transpose(1, 2)  # (n, heads, 1, head)
        both = self.attend_in(normed, width)
        key, value = both.view(n, tokens, 2, self.heads, head).permute(2, 0, 3, 1, 4).unbind(0)
        seen = functional.scaled_dot_product_attention(query, key, value)
        x = x[:, 0] + self.attend_out(seen.reshape(n, width))
        return x + self._perceptron(x)

    def _perceptron(self, x: Tensor) -> Tensor:
        hidden = self.rise(_norm(x))
        out: Tensor = self.fall(functional.silu(hidden) if self.quick else functional.gelu(hidden))
        return out


def _norm(x: Tensor) -> Tensor:
    """Layer norm without scale and shift: those are in the layer behind it."""
    return functional.layer_norm(x, x.shape[-1:], eps=EPSILON)


def block_shapes(prefix: str, width: int, hidden: int) -> dict[str, tuple[int, ...]]:
    """The tensors that a checkpoint must have for the block called ``prefix``."""
    shapes: dict[str, tuple[int, ...]] = {
        "attn.in_proj_weight": (3 * width, width),
        "attn.in_proj_bias": (3 * width,),
        "attn.out_proj.weight": (width, width),
        "attn.out_proj.bias": (width,),
        "mlp.c_fc.weight": (hidden, width),
        "mlp.c_fc.bias": (hidden,),
        "mlp.c_proj.weight": (width, hidden),
        "mlp.c_proj.bias": (width,),
    }
    for norm in ("ln_1", "ln_2"):
        shapes |= {f"{norm}.weight": (width,), f"{norm}.bias": (width,)}
    return {f"{prefix}.{key}": shape for key, shape in shapes.items()}


def block_count(state: State, prefix: str) -> int:
    """How many blocks a tower has; a gap in their numbers shows when the shapes are checked."""
    head = f"{prefix}.resblocks."
    numbers = {key.removeprefix(head).split(".")[0] for key in state if key.startswith(head)}
    return len(numbers)


def hidden_width(state: State, prefix: str, width: int) -> int:
    """The width of the blocks' perceptrons; four times the tower's where it can't be seen."""
    key = f"{prefix}.resblocks.0.mlp.c_fc.bias"
    return state[key].shape[0] if key in state and state[key].ndim == 1 else 4 * width
