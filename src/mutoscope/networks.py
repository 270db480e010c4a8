"""Everything that can be named and may need weights: perceptors, VQGANs, depth, optical flow."""

from pathlib import Path

from mutoscope.depth import VARIANTS, locate_depth
from mutoscope.motion.flow import locate_raft
from mutoscope.weights import Row, catalogue, state_of


def networks(models_parent_dir: Path) -> list[Row]:
    """A row for each; those that need no weights are there, too. The network is not asked."""
    rows = catalogue(models_parent_dir)
    rows.append(Row("relief", "depth", "embedded", 0, "depth without a network"))
    for name, variant in VARIANTS.items():
        note = f"depth, {variant.licence}; mutoscope[depth]"
        state = state_of(locate_depth(name, models_parent_dir) is not None)
        rows.append(Row(name, "depth", state, variant.bytes, note))
    rows.append(Row("dis", "flow", "embedded", 0, "optical flow without a network"))
    state = state_of(locate_raft(models_parent_dir) is not None)
    rows.append(Row("raft", "flow", state, 21_000_000, "optical flow; mutoscope[raft]"))
    return rows
