import math

import pytest
import torch

from mutoscope.errors import RunError
from mutoscope.gan.losses import gamma_rule
from mutoscope.paint import Watch
from mutoscope.train_gan import turns
from mutoscope.train_gan.players import Players

pytestmark = pytest.mark.usefixtures("single_thread")
CPU = torch.device("cpu")


def same(ours, theirs):
    assert ours.tensors.keys() == theirs.tensors.keys()
    assert ours.numbers == theirs.numbers
    for name, value in ours.tensors.items():
        assert torch.equal(value, theirs.tensors[name]), name


def test_ticks_have_lines_samples_and_what_is_needed_to_go_on(teach):
    _, ticks = teach()
    assert [tick.kept.steps for tick in ticks] == [4, 8, 12]
    assert all(tick.whole for tick in ticks)
    lines = [line for tick in ticks for line in tick.records]
    assert [line["images"] for line in lines] == list(range(4, 49, 4))
    assert all(math.isfinite(value) for line in lines for value in line.values())
    assert {"ink", "width", "direction", "distance"} <= lines[3].keys()
    assert "ink" not in lines[2]
    assert all(0 <= line["augment"] <= 0.8 for line in lines)
    first, last = ticks[0].samples, ticks[-1].samples
    assert first.shape == last.shape == (4, 1, 32, 32)
    assert not torch.equal(first, last)
    assert ticks[0].best is not None


def test_equal_seeds_are_equal_trainings_and_others_are_not(teach):
    ours, again, other = (teach(images=16, seed=seed)[1][-1] for seed in (0, 0, 1))
    same(ours.kept, again.kept)
    name = "generator.levels.0.styled.0.weight"
    assert not torch.equal(ours.kept.tensors[name], other.kept.tensors[name])


@pytest.mark.parametrize(
    ("stop", "loss"), [(1, "logistic"), (4, "logistic"), (5, "logistic"), (5, "rp")]
)
def test_resumed_anywhere_it_is_the_same_training(teach, stop, loss):
    values = {"loss": loss, "mixing": 0.5, "augment_p": 0.3, "images": 28}
    whole = teach(**values)[1]
    _, begun = teach(watch=Watch(stopped=CountDown(stop)), **values)
    assert begun[-1].kept.steps == stop
    _, rest = teach(resume=begun[-1].kept, **values)
    same(rest[-1].kept, whole[-1].kept)
    told = [line for tick in [*begun, *rest] for line in tick.records]
    assert told == [line for tick in whole for line in tick.records]


class CountDown:
    """Says stop after so many questions."""

    def __init__(self, steps):
        self.left = steps

    def __call__(self):
        self.left -= 1
        return self.left <= 0


def test_a_checkpoint_of_other_networks_is_refused(teach):
    kept = teach(images=4)[1][-1].kept
    with pytest.raises(RunError, match="does not fit the networks"):
        teach(resume=kept, cmax=8)


def test_the_average_follows_and_draws_what_is_shown(teach):
    players, _ = teach(images=16)
    assert not players.average.training
    for mean, value in zip(
        players.average.parameters(), players.generator.parameters(), strict=True
    ):
        assert not torch.equal(mean, value) or value.numel() == 1


@pytest.mark.parametrize("noise", ["no", "yes"])
def test_grain_is_learnt_only_where_it_is_asked_for(teach, noise):
    players, _ = teach(noise=noise, images=16)
    rng = torch.Generator().manual_seed(0)
    with torch.no_grad():
        styles = players.generator.map(torch.randn(2, players.settings.z, generator=rng))
        grained = players.generator.synthesise(styles, noise="constant")
        plain = players.generator.synthesise(styles, noise="none")
    strengths = [
        float(value)
        for name, value in players.generator.state_dict().items()
        if name.endswith("strength")
    ]
    assert len(strengths) == players.generator.layers - 1
    if noise == "no":
        assert not any(strengths)
        assert torch.equal(grained, plain)
    else:
        assert all(strengths)
        assert not torch.equal(grained, plain)


@pytest.mark.parametrize("name", ["tell_apart", "calm_down", "draw", "straighten"])
def test_a_turn_moves_one_network_only(toy_settings, bars, name):
    players = Players.start(toy_settings(), CPU)
    # The judge's slope is nothing to change before its last layer's biases are something.
    before = {
        owner: [value.detach().clone() for value in network.parameters()]
        for owner, network in (("draws", players.generator), ("judges", players.discriminator))
    }
    wanted = bars.batch(0, 4) * 2 - 1
    getattr(turns, name)(*([players, 0] if name == "straighten" else [players, 0, wanted]))
    moved = {
        owner: any(
            not torch.equal(old, new) for old, new in zip(values, network.parameters(), strict=True)
        )
        for (owner, values), network in zip(
            before.items(), (players.generator, players.discriminator), strict=True
        )
    }
    learns = "judges" if name in ("tell_apart", "calm_down") else "draws"
    assert moved == {"draws": learns == "draws", "judges": learns == "judges"}
    assert all(value.requires_grad for value in players.discriminator.parameters())


def test_short_memory_halves_the_parts_says_so_and_goes_on(teach, monkeypatch, caplog):
    from mutoscope.gan import lessons

    real = lessons.judge

    def greedy(pair, drawings, **named):
        if len(drawings) > 2:
            raise torch.OutOfMemoryError("out of memory")
        return real(pair, drawings, **named)

    monkeypatch.setattr(lessons, "judge", greedy)
    players, ticks = teach(images=16)
    assert ticks[-1].kept.steps == 4
    assert players.part == 2
    assert ticks[-1].kept.numbers["part"] == 2
    assert caplog.text.count("memory is short: batches of 4 go through in parts of 2") == 1
    # A checkpoint remembers it, so that going on is the same training.
    again = Players.start(players.settings, CPU)
    again.recall(ticks[-1].kept)
    assert again.part == 2


def test_parts_have_the_gradient_of_the_whole(toy_settings):
    players = Players.start(toy_settings(), CPU)
    weights = torch.arange(4.0)
    gradients = []
    for part in (4, 2, 3, 1):
        players.part = part

        def loss(pair, rows):
            return (pair.generator.start.square().sum() * weights[rows]).mean()

        total = players.learn(players.painter, "x", 4, loss)
        gradients.append(players.generator.start.grad / players.generator.start.detach())
        players.painter.param_groups[0]["lr"] = 0.0
    for gradient in gradients[1:]:
        # The mean weight is 1.5, and the slope of a square twice its root.
        assert torch.allclose(gradient, torch.full_like(gradient, 3.0))
    assert float(total) > 0


def test_no_memory_for_a_single_picture_is_said(teach, monkeypatch):
    from mutoscope.gan import lessons

    def never(*_, **__):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate")

    monkeypatch.setattr(lessons, "draw", never)
    with pytest.raises(RunError, match="not enough memory on cpu for a single picture"):
        teach()


def test_other_errors_stay_what_they_are(teach, monkeypatch):
    from mutoscope.gan import lessons

    def broken(*_, **__):
        raise RuntimeError("shapes don't match")

    monkeypatch.setattr(lessons, "draw", broken)
    with pytest.raises(RuntimeError, match="shapes"):
        teach()


def test_a_loss_that_is_no_number_is_said(teach, monkeypatch):
    from mutoscope.gan import lessons

    monkeypatch.setattr(
        lessons, "draw", lambda pair, *_, **__: pair.generator.start.sum() * math.nan
    )
    with pytest.raises(RunError, match="'draw' is nan; nothing can be learned from there"):
        teach(path_weight=0)


def test_augmentation_is_adaptive_fixed_or_none(teach):
    def shares(**values):
        return {line["augment"] for tick in teach(**values)[1] for line in tick.records}

    assert shares(augment="none", augment_p=0.5, images=16) == {0.0}
    assert shares(augment="fixed", augment_p=0.5, images=16) == {0.5}
    assert len(shares(augment="adaptive", augment_p=0.5)) > 1


def test_half_precision_trains_too(teach):
    _, ticks = teach(precision="bfloat16", images=16)
    assert math.isfinite(ticks[-1].records[-1]["draw"])
    assert all(value.dtype == torch.float32 for value in ticks[-1].kept.tensors.values())


def test_lazy_turns_are_paid_for_in_rate_and_memory(toy_settings):
    players = Players.start(toy_settings(path_every=4, penalty_every=16, rate=0.002), CPU)
    drawing, judging = players.painter.param_groups[0], players.referee.param_groups[0]
    assert drawing["lr"] == pytest.approx(0.002 * 4 / 5)
    assert judging["lr"] == pytest.approx(0.00188235, rel=1e-5)
    assert judging["betas"] == pytest.approx((0, 0.990585), rel=1e-5)
    assert players.settings.gamma == pytest.approx(gamma_rule(32, 4))
    alone = Players.start(toy_settings(path_weight=0), CPU).painter.param_groups[0]
    assert alone["lr"] == 0.0025
