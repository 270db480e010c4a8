import math
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from mutoscope import look as looking
from mutoscope.cutouts import AUGMENTATIONS, Cutouts, crop
from mutoscope.errors import RunError
from mutoscope.look import Look, distinct, weigh
from mutoscope.schedule import Moment

MOMENT = Moment(step=0, scene=0, scene_step=0, frame=0, t=0.0)


class Projection(nn.Module):
    """A perceptor that sees through one random matrix, and counts how often it looks."""

    def __init__(self, size=16, width=12, seed=0):
        super().__init__()
        self.size, self.looks, self.seen = size, 0, []
        rng = torch.Generator().manual_seed(seed)
        matrix = torch.randn(3 * size * size, width, generator=rng) / size
        self.register_buffer("matrix", matrix)

    def see(self, batch):
        self.looks += 1
        self.seen.append(batch.shape[0])
        embeds = nn.functional.normalize(batch.flatten(1) @ self.matrix, dim=1)
        return SimpleNamespace(embeds=embeds, strangeness=batch.square().mean())


def look_at(image, *, count=8, chunks=1, seed=0, canvas=None):
    return Look(
        image,
        canvas=canvas or nn.Module(),
        cutouts=Cutouts(count, power=1),
        moment=MOMENT,
        rng=torch.Generator().manual_seed(seed),
        chunks=chunks,
    )


def picture(seed=0, size=(40, 32)):
    rng = torch.Generator().manual_seed(seed)
    return torch.rand(1, 3, size[1], size[0], generator=rng).requires_grad_()


def seeing(perceptor, name="seeing"):
    def term(look):
        return look.views(perceptor).embeds[:, 0].mean()

    term.name, term.cuts = name, True
    return term


def brightness(weight=1.0, name="brightness"):
    def term(look):
        return weight * look.image.mean()

    term.name, term.cuts = name, False
    return term


def test_views_are_made_once_however_many_terms_want_them():
    eye, look = Projection(), look_at(picture())
    weigh(look, [seeing(eye, "a"), seeing(eye, "b"), seeing(eye, "c")])
    assert eye.looks == 1


@pytest.mark.parametrize("chunks", [2, 3, 5, 8, 50])
def test_chunks_change_neither_values_nor_gradients(chunks):
    eyes = Projection(16, seed=1), Projection(24, seed=2)
    whole, parts = picture(), picture()
    terms = [seeing(eyes[0], "a"), brightness(), seeing(eyes[1], "b")]
    one = weigh(look_at(whole), terms)
    many = weigh(look_at(parts, chunks=chunks), terms)
    assert list(one) == list(many) == ["a", "brightness", "b"]
    for name in one:
        torch.testing.assert_close(many[name], one[name], atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(parts.grad, whole.grad, atol=1e-7, rtol=1e-4)
    assert sum(eyes[0].seen) == 16
    assert max(eyes[0].seen[1:]) <= math.ceil(8 / chunks)


def test_glances_cover_the_cutouts_and_their_shares_sum_to_one():
    glances = list(look_at(picture(), count=7, chunks=3).glances())
    assert [(g.part.start, g.part.stop) for g in glances] == [(0, 2), (2, 4), (4, 7)]
    assert sum(g.share for g in glances) == pytest.approx(1)


def test_each_perceptor_has_its_own_boxes_and_side():
    small, large = Projection(16), Projection(24)
    look = look_at(picture())
    a, b = look.views(small), look.views(large)
    assert not torch.equal(a.positions, b.positions)
    assert look.cuts(small).side == 16
    assert look.cuts(large).side == 24


def test_views_report_boxes_as_fractions():
    views = look_at(picture()).views(Projection())
    assert views.embeds.shape == (8, 12)
    assert views.positions.shape == views.sizes.shape == (8, 2)
    torch.testing.assert_close(views.sizes[:, 0] * 40, views.sizes[:, 1] * 32)
    assert (views.positions + views.sizes <= 1 + 1e-6).all()
    assert views.strangeness.ndim == 0


def test_whole_picture_terms_are_asked_once_a_step():
    asked = []

    def term(look):
        asked.append(look)
        return look.image.mean()

    term.name, term.cuts = "whole", False
    weigh(look_at(picture(), chunks=4), [term])
    assert len(asked) == 1


def test_without_cut_terms_no_cutout_is_drawn():
    look = look_at(picture())
    before = look._rng.get_state()
    weigh(look, [brightness()])
    assert torch.equal(look._rng.get_state(), before)


def test_nothing_to_judge_is_no_error_and_leaves_no_gradient():
    for terms in ([], [lambda look: torch.zeros(())]):
        for term in terms:
            term.name, term.cuts = "idle", True
        image = picture()
        values = weigh(look_at(image, chunks=2), terms)
        assert image.grad is None
        assert sum(values.values()) == 0


def test_values_sum_to_the_loss_that_the_gradient_is_of():
    image = picture()
    values = weigh(look_at(image), [brightness(2.0, "a"), brightness(3.0, "b")])
    assert sum(values.values()).item() == pytest.approx(5 * image.mean().item())
    torch.testing.assert_close(image.grad, torch.full_like(image, 5 / image.numel()))
    assert not any(value.requires_grad for value in values.values())


def test_equal_names_stay_apart():
    values = weigh(look_at(picture()), [brightness(1.0, "fox"), brightness(2.0, "fox")])
    assert list(values) == ["fox", "fox (2)"]
    assert values["fox (2)"].item() == pytest.approx(2 * values["fox"].item())
    assert distinct(["a", "a (2)", "a", "a"]) == ["a", "a (2)", "a (3)", "a (4)"]


def test_terms_may_pull_at_the_canvas_itself():
    canvas = nn.Linear(2, 2)

    def term(look):
        return look.canvas.weight.square().sum()

    term.name, term.cuts = "canvas", False
    image = picture()
    weigh(look_at(image, canvas=canvas), [term])
    torch.testing.assert_close(canvas.weight.grad, 2 * canvas.weight)
    assert image.grad is None


def test_the_same_generator_gives_the_same_step():
    grads = []
    for seed in (1, 1, 2):
        image = picture()
        weigh(look_at(image, seed=seed), [seeing(Projection())])
        grads.append(image.grad)
    assert torch.equal(grads[0], grads[1])
    assert not torch.equal(grads[0], grads[2])


def test_a_picture_with_a_graph_is_refused():
    with pytest.raises(ValueError, match="needs a leaf"):
        look_at(picture() * 1)


class BlockingCopies(TorchDispatchMode):
    """Counts copies from the CPU to a device that would wait for all that the device has to do."""

    count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        if func is torch.ops.aten._to_copy.default:
            crosses = args[0].device.type == "cpu" != made.device.type
            self.count += crosses and not (kwargs or {}).get("non_blocking", False)
        return made


@pytest.mark.parametrize("border_mode", ["clamp", "mirror", "wrap", "black", "smear"])
def test_a_step_never_waits_for_the_device(border_mode, monkeypatch):
    # A meta tensor has no values: whatever read one, and so waited on a GPU, would raise.
    # "sent" doesn't wait only where there is a GPU.
    for module in (crop, looking):
        monkeypatch.setattr(
            module, "sent", lambda v, like: v.to(like.device, like.dtype, non_blocking=True)
        )
    silent = replace(AUGMENTATIONS["pytti"], noise=(0.0, 0.0))  # no random numbers on meta
    image = torch.empty(1, 3, 32, 40, device="meta", requires_grad=True)
    look = Look(
        image,
        canvas=nn.Module(),
        cutouts=Cutouts(8, border_mode=border_mode, augmentation=silent),
        moment=MOMENT,
        rng=torch.Generator().manual_seed(0),
        chunks=2,
    )
    terms = [seeing(Projection().to("meta"), "a"), brightness()]
    with BlockingCopies() as blocking:
        values = weigh(look, terms)
    assert image.grad.device.type == values["a"].device.type == "meta"
    assert blocking.count == 0


# ── memory ──


class Narrow(Projection):
    """One that has memory for a few cutouts only, and fails on the way there or back."""

    def __init__(self, room, *, back=False):
        super().__init__()
        self.room, self.back = room, back

    def see(self, batch):
        seen = super().see(batch)
        if batch.shape[0] > self.room:
            if not self.back:
                raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to")
            seen.embeds.register_hook(self.fail)
        return seen

    def fail(self, _gradient):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


class Drawn(nn.Module):
    """A canvas with a parameter that a term judges."""

    def __init__(self):
        super().__init__()
        self.size = nn.Parameter(torch.ones(()))


def canvas_size(look):
    return look.canvas.size.square()


canvas_size.name, canvas_size.cuts = "size", False


@pytest.mark.parametrize("back", [False, True])
@pytest.mark.parametrize(("room", "parts"), [(4, 2), (3, 4), (1, 7)])
def test_where_memory_is_short_a_look_is_begun_anew_in_more_parts(room, parts, back, caplog):
    eye, enough = Narrow(room, back=back), Projection()
    shorts, plenty = picture(), picture()
    canvas, other = Drawn(), Drawn()
    short = look_at(shorts, count=7, canvas=canvas)
    # What was gathered before the memory ran out must not count twice, in picture or canvas.
    values = weigh(short, [brightness(), canvas_size, seeing(enough, "a"), seeing(eye, "b")])
    assert short.chunks == parts
    told = look_at(plenty, count=7, chunks=parts, canvas=other)
    wanted = weigh(
        told, [brightness(), canvas_size, seeing(Projection(), "a"), seeing(Projection(), "b")]
    )
    assert dict(values) == dict(wanted)
    assert torch.equal(shorts.grad, plenty.grad)
    assert torch.equal(canvas.size.grad, other.size.grad)
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == len({2: [2], 4: [2, 4], 7: [2, 4, 7]}[parts])
    assert f"the 7 cutouts are looked at in {parts} parts" in lines[-1]


def test_no_memory_for_a_single_cutout_is_said():
    with pytest.raises(RunError, match="step 1: there is not enough memory on cpu to look at a s"):
        weigh(look_at(picture()), [seeing(Narrow(0))])


def test_other_failures_are_no_matter_of_memory():
    def term(_look):
        raise RuntimeError("shapes do not match")

    term.name, term.cuts = "odd", True
    with pytest.raises(RuntimeError, match="shapes"):
        weigh(look_at(picture()), [term])
