import math
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.nn.functional import avg_pool2d, interpolate

from mutoscope.errors import ExtraError, SettingsError, WeightsError
from mutoscope.motion import flow as flows
from mutoscope.motion.base import FieldWarp
from mutoscope.motion.flow import Dis, Raft, flow, load_flow, reliability, track
from mutoscope.motion.plane import PlaneWarp

DIS = Dis()


def texture(width, height, seed=0):
    """Blots of all sizes and colours, the larger the stronger, as in photographs."""
    rng = torch.Generator().manual_seed(seed)
    total = torch.zeros(1, 3, height, width)
    for grain in (48, 24, 12, 6, 3):
        blots = torch.rand(1, 3, height // grain + 2, width // grain + 2, generator=rng) - 0.5
        total += grain**0.7 * interpolate(blots, (height, width), mode="bicubic")
    return (0.5 + total / 24).clamp(0, 1)


def moved(image, dx, dy):
    """The same with its content gone by (dx, dy) pixels."""
    field = torch.tensor([dx, dy]).reshape(1, 2, 1, 1).expand(1, 2, *image.shape[-2:])
    return FieldWarp(field, sampling="bicubic", infill="mirror")(image).clamp(0, 1)


def inside(field, margin=24):
    return field[..., margin:-margin, margin:-margin]


@pytest.mark.parametrize("shift", [(3.0, 0.0), (0.0, -2.0), (-4.5, 1.25), (0.4, 0.3), (11.0, 7.0)])
def test_flow_is_the_shift_of_a_texture(shift):
    one = texture(160, 128)
    found = inside(flow(one, moved(one, *shift), DIS))
    off = found - torch.tensor(shift).reshape(1, 2, 1, 1)
    assert float(off.abs().mean()) < 0.1
    assert float(off.abs().quantile(0.95)) < 0.2


def test_flow_does_not_depend_on_what_was_asked_before():
    one, two, small = texture(160, 128), texture(160, 128, seed=1), texture(32, 32)
    first = flow(one, two, Dis())
    used = Dis()
    flow(small, moved(small, 2.0, 0.0), used)
    assert torch.equal(flow(one, two, used), first)


def test_flow_of_a_rotation():
    one, angle = texture(160, 160, seed=1), math.radians(4)
    cos, sin = math.cos(angle), math.sin(angle)
    warp = PlaneWarp(
        ((cos, -sin), (sin, cos)), (0.0, 0.0), size=(160, 160), sampling="bicubic", infill="mirror"
    )
    found = track(one, warp(one).clamp(0, 1), DIS)
    off = inside(found.displacement - warp.displacement)
    assert float(off.abs().mean()) < 0.1
    assert inside(found.reliable).mean() > 0.9
    assert not found.cut


def test_large_pictures_are_measured_small_and_answered_in_their_own_pixels(monkeypatch):
    seen = []

    def estimator(one, two):
        seen.append(tuple(one.shape[-2:]))
        return DIS(one, two)

    monkeypatch.setattr(flows, "_LARGEST", 128 * 128)
    one = texture(384, 192)
    found = inside(flow(one, moved(one, 9.0, -4.0), estimator), 48)
    assert seen == [(91, 181)]
    assert found.mean((0, 2, 3)).tolist() == pytest.approx([9, -4], abs=0.15)


@pytest.mark.parametrize("size", [(1, 1), (5, 90), (33, 17), (67, 45)])
def test_odd_and_tiny_pictures_have_flow_of_their_size(size):
    one = texture(*size)
    found = track(one, moved(one, 1.0, 0.0), DIS)
    assert found.displacement.shape == (1, 2, size[1], size[0])
    assert found.reliable.shape == (1, 1, size[1], size[0])
    assert set(found.reliable.unique().tolist()) <= {0.0, 1.0}
    assert not found.cut


def test_a_track_carries_the_old_picture_to_the_new():
    old = texture(160, 128)
    new = moved(old, 5.0, -3.0)
    found = track(old, new, DIS)
    carried = FieldWarp(found.displacement, sampling="bicubic", infill="smear")(old)
    assert inside(found.displacement).mean((0, 2, 3)).tolist() == pytest.approx([5, -3], abs=0.1)
    assert inside((carried - new).abs()).mean() < 0.1 * inside((old - new).abs()).mean()


def test_nothing_moves_between_equal_pictures():
    old = texture(64, 48)
    found = track(old, old.clone(), DIS)
    assert not found.displacement.any()
    assert found.reliable.all()
    assert not found.cut


def passing_square():
    """A square goes 8 pixels right over a background that stands still."""
    ground, thing = texture(160, 128), texture(48, 48, seed=2)
    frames = []
    for left in (40, 48):
        frame = ground.clone()
        frame[..., 40:88, left : left + 48] = thing
        frames.append(frame)
    return frames


def test_what_comes_into_sight_is_not_believed():
    found = track(*passing_square(), DIS)
    reliable = found.reliable[0, 0]
    assert reliable[46:82, 41:47].mean() < 0.2  # behind the square there was nothing to see
    assert reliable[52:76, 60:84].mean() > 0.9  # the square itself was seen
    assert reliable[100:, :].mean() > 0.9  # and so was the ground
    off = found.displacement[0, :, 52:76, 60:84].mean((1, 2))
    assert off.tolist() == pytest.approx([8, 0], abs=0.2)


def test_what_comes_in_over_the_edge_is_not_believed():
    wide = texture(180, 128)
    found = track(wide[..., :160], wide[..., 20:180], DIS)  # the picture goes 20 left
    assert found.reliable[..., 142:].mean() < 0.1
    assert found.reliable[..., 20:130].mean() > 0.9


def test_there_and_back_again():
    still = torch.zeros(1, 2, 12, 12)
    assert reliability(still, still).all()
    gone = still.clone()
    gone[:, 0] = 3.0
    apart = reliability(gone, still)
    assert not apart.any()
    back = reliability(gone, -gone)
    assert back[..., :9].all()
    assert not back[..., 9:].any()  # they point beyond the edge
    half = still.clone()
    half[:, 0, :, 6:] = 1.0
    edge = reliability(half, -half)[0, 0, 0]
    assert edge[:5].all()
    assert not edge[5:7].any()


def test_a_cut_is_seen_and_a_pan_is_none():
    shots = [texture(480, 120, seed=seed) for seed in range(3)]
    shots[1] = shots[1] * torch.tensor([1.0, 0.6, 0.3]).reshape(1, 3, 1, 1)
    shots[2] = shots[2] * 0.5
    for i, one in enumerate(shots):
        for j, two in enumerate(shots):
            assert track(one[..., :160], two[..., 40:200], DIS).cut == (i != j)
    for speed in (5, 20, 40, 60, 75):
        found = track(shots[0][..., :160], shots[0][..., speed : speed + 160], DIS)
        assert not found.cut
        middle = found.displacement[..., 20:-20, 10 : 140 - speed]
        assert middle.mean((0, 2, 3)).tolist() == pytest.approx([-speed, 0], abs=0.5)


@pytest.mark.parametrize("change", ["flash", "blur", "noise", "zoom"])
def test_within_a_shot_there_is_no_cut(change):
    one = texture(160, 120, seed=4)
    rng = torch.Generator().manual_seed(5)
    two = {
        "flash": one * 0.4 + 0.6,
        "blur": avg_pool2d(one, 9, 1, 4),
        "noise": (one + 0.2 * torch.randn(one.shape, generator=rng)).clamp(0, 1),
        "zoom": interpolate(one[..., 15:105, 20:140], (120, 160), mode="bicubic").clamp(0, 1),
    }[change]
    assert not track(one, two, DIS).cut


class Wants(nn.Module):
    """Stands in RAFT's place: checks what it is given, answers with what DIS finds."""

    def forward(self, one, two):
        assert one.shape[-2] % 8 == one.shape[-1] % 8 == 0
        assert min(one.shape[-2:]) >= 128
        assert one.min() < -0.5
        assert one.max() > 0.5
        found = DIS((one + 1) / 2, (two + 1) / 2)
        return [torch.zeros_like(found), found]


@pytest.mark.parametrize("size", [(131, 150), (60, 45)])
def test_raft_is_fed_as_it_wants_and_its_padding_cut_off(size):
    one = texture(*size)
    found = Raft(Wants())(one, moved(one, 2.0, 1.0))
    assert found.shape == (1, 2, size[1], size[0])
    assert inside(found, 14).mean((0, 2, 3)).tolist() == pytest.approx([2, 1], abs=0.1)


def test_models_are_known_by_name():
    assert isinstance(load_flow(), Dis)
    with pytest.raises(SettingsError, match=r"'raf' is not known; allowed are dis, raft; did you"):
        load_flow("raf")


def test_raft_without_torchvision_says_what_to_install(monkeypatch):
    monkeypatch.setitem(flows.import_module.__globals__["sys"].modules, "torchvision", None)
    with pytest.raises(ExtraError, match="pip install torchvision"):
        load_flow("raft")


def torchvision(monkeypatch):
    """A torchvision of the same names, whose RAFT is one layer."""
    models = SimpleNamespace(
        Raft_Large_Weights=SimpleNamespace(
            DEFAULT=SimpleNamespace(url="https://example.org/models/raft.pth")
        ),
        raft_large=lambda **_: nn.Linear(2, 2),
    )
    monkeypatch.setattr(flows, "import_module", {"torchvision.models.optical_flow": models}.get)


def test_raft_reads_its_weights_from_where_they_lie(monkeypatch, tmp_path):
    torchvision(monkeypatch)
    with pytest.raises(WeightsError, match=r"raft\.pth; fetch them from https://example\.org"):
        load_flow("raft", folder=tmp_path)
    (tmp_path / "raft.pth").write_bytes(b"no weights")
    with pytest.raises(WeightsError, match=r"raft\.pth: does not hold RAFT's weights"):
        load_flow("raft", folder=tmp_path)
    torch.save({"weight": torch.ones(2, 2), "bias": torch.ones(2)}, tmp_path / "raft.pth")
    loaded = load_flow("raft", folder=tmp_path)
    assert isinstance(loaded, Raft)
    assert not any(p.requires_grad for p in loaded._network.parameters())
