import itertools
import math

import pytest
import torch
from torch.nn.functional import normalize

from mutoscope.cutouts import Cutouts
from mutoscope.look import Views, weigh
from mutoscope.terms.masks import Like, Painted, Place, Still
from mutoscope.terms.toward import Toward, TowardPicture, glimpse, match


def target(seed, width=12):
    return normalize(torch.randn(1, width, generator=torch.Generator().manual_seed(seed)), dim=1)


def at(distance):
    """A unit vector at this spherical distance from (1, 0)."""
    angle = math.sqrt(2 * distance)
    return [math.cos(angle), math.sin(angle)]


EYE = object()
NORTH = {EYE: torch.tensor([[1.0, 0.0]])}


def test_it_descends_alone_and_with_several_perceptors(tools):
    eyes = [tools.Projection(seed=1), tools.Projection(20, 30, seed=2)]
    targets = {eye: target(i, eye.width) for i, eye in enumerate(eyes)}
    tools.assert_descends(Toward("one", {eyes[0]: targets[eyes[0]]}), tools.Pixels())
    tools.assert_descends(Toward("two", targets), tools.Pixels())
    tools.assert_descends(Toward("away", targets, weight=lambda v: -1.0), tools.Pixels())


def test_the_value_is_the_weighted_mean_over_perceptors_and_cutouts(tools):
    other = object()
    look = tools.Given(torch.tensor([at(0.2), at(0.4)]))
    targets = {**NORTH, other: torch.tensor([at(0.2)])}
    loss = Toward("x", targets, weight=lambda v: 2.0)(look)
    second = (0 + (math.sqrt(0.8) - math.sqrt(0.4)) ** 2 / 2) / 2
    assert loss.item() == pytest.approx(2 * (0.3 + second) / 2, abs=1e-5)


def test_each_perceptor_counts_by_its_share(tools):
    other = object()
    look = tools.Given(torch.tensor([at(0.2), at(0.4)]))
    targets = {**NORTH, other: torch.tensor([at(0.2)])}
    one, two = (Toward("x", {eye: targets[eye]})(look).item() for eye in targets)
    for first, second in ((3.0, 1.0), (1.0, 0.0), (0.0, 0.2)):
        loss = Toward("x", targets, shares={EYE: first, other: second})(look).item()
        assert loss == pytest.approx((first * one + second * two) / (first + second), abs=1e-6)


def test_a_perceptor_without_a_say_does_not_look(tools):
    eyes = [tools.Projection(seed=1), tools.Projection(20, 30, seed=2)]
    targets = {eye: target(i, eye.width) for i, eye in enumerate(eyes)}
    term = Toward("x", targets, shares={eyes[0]: 2.0, eyes[1]: 0.0})
    weigh(tools.look_at(tools.Pixels()), [term])
    assert (eyes[0].looks, eyes[1].looks) == (1, 0)


def test_weight_and_stop_follow_time(tools):
    embeds = torch.tensor([at(0.5)]).requires_grad_()
    look = tools.Given(embeds, moment=tools.moment_at(t=2.0))
    term = Toward("x", NORTH, weight=lambda v: v["t"], stop=lambda v: 0.3 * v["t"])
    loss = term(look)
    loss.backward()
    assert loss.item() == pytest.approx(1.0, abs=1e-5)
    assert embeds.grad.abs().max() == 0  # 0.5 lies under the stop of 0.6


def test_a_weight_of_zero_looks_at_nothing(tools):
    eye = tools.Projection()
    look = tools.look_at(tools.Pixels())
    values = weigh(look, [Toward("x", {eye: target(0)}, weight=lambda v: 0.0)])
    assert values["x"] == 0
    assert eye.looks == 0
    assert look.image.grad is None


def test_without_a_perceptor_it_is_refused():
    with pytest.raises(ValueError, match="no perceptor"):
        Toward("x", {})


@pytest.mark.parametrize(
    ("letter", "free"),
    [("r", [0, 1]), ("l", [1, 0]), ("d", [0, 1]), ("u", [1, 0]), ("n", [0, 1]), ("f", [1, 0])],
)
def test_letters_pull_only_at_the_cutouts_on_their_side(tools, letter, free):
    embeds = torch.tensor([at(1.5), at(1.5)]).requires_grad_()
    look = tools.Given(embeds, [[0.0, 0.05], [0.3, 0.35]], [[0.3, 0.3], [0.65, 0.6]])
    Toward("x", NORTH, mask=Place(letter))(look).backward()
    assert (embeds.grad.abs().sum(1) > 0).int().tolist() == free


def test_positions_and_sizes_are_not_swapped(tools):
    # PyTTI took this cutout, at the right edge, for one on the left.
    embeds = torch.tensor([at(0.5)]).requires_grad_()
    look = tools.Given(embeds, [[0.8, 0.0]], [[0.1, 0.1]])
    Toward("x", NORTH, mask=Place("l"))(look).backward()
    assert embeds.grad.abs().sum() == 0


def test_negative_prompts_are_masked_too(tools):
    embeds = torch.tensor([at(0.5), at(0.5)]).requires_grad_()
    look = tools.Given(embeds, [[0.0, 0.0], [0.8, 0.0]], [[0.1, 0.1], [0.1, 0.1]])
    Toward("x", NORTH, weight=lambda v: -1.0, mask=Place("r"))(look).backward()
    assert (embeds.grad.abs().sum(1) > 0).tolist() == [False, True]


def test_a_text_mask_pulls_where_the_cutout_is_nearer_to_it(tools):
    # The prompt lies at angle 0, the mask's text at the angle of distance 0.8.
    mask = Like({EYE: torch.tensor([at(0.8)])})
    embeds = torch.tensor([at(0.6), at(0.05)]).requires_grad_()
    Toward("x", NORTH, mask=mask)(tools.Given(embeds)).backward()
    assert (embeds.grad.abs().sum(1) > 0).tolist() == [True, False]


def test_a_text_mask_on_a_negative_prompt_pushes_while_the_distances_sum_to_less_than_one(tools):
    mask = Like({EYE: torch.tensor([at(0.0)])})
    embeds = torch.tensor([at(0.45), at(0.55)]).requires_grad_()
    Toward("x", NORTH, weight=lambda v: -1.0, mask=mask)(tools.Given(embeds)).backward()
    assert (embeds.grad.abs().sum(1) > 0).tolist() == [True, False]


def test_a_text_mask_with_a_cutoff(tools):
    mask = Like({EYE: torch.tensor([at(0.0)])}, cutoff=lambda v: v["t"])
    embeds = torch.tensor([at(0.75), at(0.95)]).requires_grad_()
    for t, free in ((0.0, [False, False]), (0.5, [True, False]), (1.0, [True, True])):
        embeds.grad = None
        look = tools.Given(embeds, moment=tools.moment_at(t=t))
        Toward("x", NORTH, mask=mask)(look).backward()
        assert (embeds.grad.abs().sum(1) > 0).tolist() == free


def test_a_painted_mask_multiplies_the_weight(tools):
    half = torch.cat([torch.zeros(4, 2), torch.ones(4, 2)], 1)
    boxes = [[0, 0], [0.5, 0], [0.25, 0]], [[0.5, 1]] * 3
    embeds = torch.tensor([at(0.5)] * 3).requires_grad_()
    loss = Toward("x", NORTH, mask=Painted(Still(half)))(tools.Given(embeds, *boxes))
    loss.backward()
    assert loss.item() == pytest.approx(0.5 * (0 + 2 + 1) / 3, abs=1e-5)
    assert embeds.grad[0].abs().sum() == 0
    torch.testing.assert_close(embeds.grad[1], 2 * embeds.grad[2])


def picture_of(seed, size=(40, 32)):
    return torch.rand(1, 3, size[1], size[0], generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("mask", [None, "text"])
def test_toward_a_picture_descends_with_several_perceptors_and_masks(tools, mask):
    eyes = [tools.Projection(seed=1), tools.Projection(20, 30, seed=2)]
    rng = torch.Generator().manual_seed(0)
    targets = glimpse(picture_of(5), eyes, Cutouts(6, power=1), rng=rng)
    masks = {}
    if mask:  # with two perceptors of different widths
        masks = {"mask": Like({e: target(i, e.width) for i, e in enumerate(eyes)}, lambda v: 5.0)}
    tools.assert_descends(TowardPicture("x", targets, **masks), tools.Pixels())


def test_a_picture_is_at_the_offset_from_itself(tools):
    canvas, eye = tools.Pixels(), tools.Projection()
    cutouts = Cutouts(6, power=1, augmentation="none")
    targets = glimpse(canvas().detach(), [eye], cutouts, rng=torch.Generator().manual_seed(0))
    loss = TowardPicture("x", targets)(tools.look_at(canvas, cutouts=cutouts))
    assert loss.item() == pytest.approx(0.7, abs=1e-4)


def test_targets_are_clean_whatever_the_cutouts_of_a_step_are(tools):
    image, eye = picture_of(1), tools.Projection()
    seen = [
        glimpse(image, [eye], cutouts, rng=torch.Generator().manual_seed(3), chunks=chunks)[eye]
        for cutouts in (Cutouts(5), Cutouts(5, augmentation="none"))
        for chunks in (1, 2, 9)
    ]
    for other in seen[1:]:
        torch.testing.assert_close(other.embeds, seen[0].embeds)
        assert torch.equal(other.positions, seen[0].positions)
    assert not seen[0].embeds.requires_grad


def test_matching_is_the_best_of_all(tools):
    rng = torch.Generator().manual_seed(0)
    now, stored = torch.rand(6, 2, generator=rng), torch.rand(6, 2, generator=rng)
    chosen = match(now, stored)
    cost = torch.cdist(now, stored)
    best = min(
        sum(cost[i, j].item() for i, j in enumerate(order))
        for order in itertools.permutations(range(6))
    )
    assert cost[torch.arange(6), chosen].sum().item() == pytest.approx(best, abs=1e-5)
    assert sorted(chosen.tolist()) == list(range(6))


def test_matching_with_other_numbers_uses_each_as_evenly_as_it_can():
    rng = torch.Generator().manual_seed(0)
    few, many = torch.rand(3, 2, generator=rng), torch.rand(7, 2, generator=rng)
    assert len(set(match(few, many).tolist())) == 3
    counts = torch.bincount(match(many, few), minlength=3)
    assert counts.max() <= 3
    assert counts.min() >= 1


def test_cutouts_are_compared_with_the_one_that_lies_nearest(tools):
    corners = [[0.0, 0.0], [0.5, 0.0], [0.0, 0.5]]
    stored = torch.eye(3)
    targets = {
        EYE: Views(embeds=stored, positions=torch.tensor(corners), sizes=torch.full((3, 2), 0.5))
    }
    shuffled = [corners[2], corners[0], corners[1]]
    look = tools.Given(stored[[2, 0, 1]], shuffled, [[0.5, 0.5]] * 3)
    assert TowardPicture("x", targets)(look).item() == pytest.approx(0.7, abs=1e-6)


def test_the_matching_does_not_depend_on_chunks(tools):
    eye, canvas = tools.Projection(), tools.Pixels()
    rng = torch.Generator().manual_seed(0)
    term = TowardPicture("x", glimpse(picture_of(2), [eye], Cutouts(6, power=1), rng=rng))
    looks = [tools.look_at(canvas, chunks=chunks) for chunks in (1, 4)]
    one, many = (weigh(look, [term])["x"] for look in looks)
    torch.testing.assert_close(one, many)
    torch.testing.assert_close(looks[0].image.grad, looks[1].image.grad)
