"""How large a VQGAN is trained, and with what."""

from collections.abc import Mapping
from dataclasses import dataclass

from mutoscope.training.presets import preset_called
from mutoscope.vqgan import Architecture


@dataclass(frozen=True)
class Preset:
    """A size of network, and what it is trained well with.

    ``size``: side of the crops in pixels. ``batch``: crops a step. ``rate``: the learning rate at
    its highest. ``critic``: the critic's channels. ``minutes``: how long, where nobody says.
    """

    about: str
    architecture: Architecture
    size: int
    batch: int
    rate: float
    critic: int
    minutes: float


PRESETS: Mapping[str, Preset] = {
    "tiny": Preset(
        about="2.9 million weights, 1024 codes: ten minutes on two CPU cores",
        architecture=Architecture(
            kind="vq", embed_dim=32, n_embed=1024, z_channels=32, ch=32, ch_mult=(1, 1, 2, 4),
            num_res_blocks=1, attn_resolutions=(), resolution=64,
        ),
        size=64, batch=8, rate=1e-3, critic=32, minutes=10,
    ),
    "small": Preset(
        about="10.8 million weights, 4096 codes: for a GPU, or a night on a CPU",
        architecture=Architecture(
            kind="vq", embed_dim=64, n_embed=4096, z_channels=64, ch=64, ch_mult=(1, 1, 2, 4),
            num_res_blocks=1, attn_resolutions=(), resolution=128,
        ),
        size=128, batch=8, rate=5e-4, critic=64, minutes=480,
    ),
}  # fmt: skip


def find_preset(name: str) -> Preset:
    """The preset called ``name``.

    Raises:
        SettingsError: there is none.
    """
    return preset_called(name, PRESETS)
