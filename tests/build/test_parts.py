"""The parts of a run, and what is written down of them."""

import logging

import pytest
import torch

from mutoscope.build import build, choose_device, parts
from mutoscope.errors import MutoscopeError, SettingsError, WeightsError
from mutoscope.perceptors import load
from mutoscope.perceptors.load import Choice
from mutoscope.perceptors.tiny import Tiny
from mutoscope.settings import load_settings


def as_auto(monkeypatch, name):
    monkeypatch.setattr(load, "choose_auto", lambda _folder, **_: Choice(name, f"auto: {name}"))


def test_what_auto_took_is_written_down(toy, monkeypatch, caplog):
    as_auto(monkeypatch, "tiny")
    with caplog.at_level(logging.INFO, "mutoscope"):
        built = build(toy(perceptors="auto"))
    assert built.settings.perceptors == ("tiny",)
    assert "perceptors: tiny" in built.settings.to_yaml()
    assert caplog.messages == ["auto: tiny"]


def test_what_auto_fell_back_on_is_written_down(toy, monkeypatch):
    """CLIP was within reach a moment ago, and then could not be had."""

    def broken(*_, **__):
        raise WeightsError("ViT-B/32: the line went dead")

    as_auto(monkeypatch, "ViT-B/32")
    monkeypatch.setattr(load.weights, "fetch", broken)
    built = build(toy(perceptors="auto"))
    assert built.settings.perceptors == ("labels",)


def test_a_name_stays_as_it_was_written(toy):
    assert build(toy()).settings.perceptors == ("tiny",)


def test_switches_stay_as_they_were_written(toy, monkeypatch):
    asked = []

    def loaded(name, **_):
        asked.append(name)
        return Tiny()

    monkeypatch.setattr(parts, "load_perceptor", loaded)
    settings = toy(perceptors="auto", RN50=True)
    built = build(settings)
    assert sorted(asked) == ["RN50", "ViTB32"]
    assert load_settings(built.settings.to_dict()) == settings.replace()


def test_several_perceptors_are_loaded_in_order(toy, monkeypatch):
    monkeypatch.setattr(parts, "load_perceptor", lambda name, **_: [name])
    eyes = parts.load_perceptors(toy(perceptors=["tiny", "labels"]), torch.device("cpu"), None)
    assert eyes == (["tiny"], ["labels"])


def test_weights_go_where_the_settings_say(toy, tmp_path, monkeypatch):
    folders = []

    def loaded(name, *, models_parent_dir, **_):
        folders.append(models_parent_dir)
        return Tiny()

    monkeypatch.setattr(parts, "load_perceptor", loaded)
    build(toy(models_parent_dir="models"))
    assert folders == [tmp_path / "models"]


@pytest.mark.parametrize("name", ["nothing-known", "missing.safetensors"])
def test_an_unknown_perceptor_is_refused(toy, name):
    with pytest.raises(MutoscopeError) as refused:
        build(toy(perceptors=name))
    assert name in str(refused.value)


def test_clip_without_a_network_is_refused_in_one_line(toy, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    with pytest.raises(WeightsError) as refused:
        build(toy(perceptors="ViT-L/14", models_parent_dir=str(tmp_path)))
    assert "ViT-L/14" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(SettingsError, match=r"device: 'cuda:99' is not on this machine"):
        choose_device("cuda:99")


def test_devices():
    assert choose_device("cpu").type == "cpu"
    if not torch.cuda.is_available():
        assert choose_device("auto").type in ("cpu", "mps")


def test_cutouts_are_split_as_written_or_as_they_fit(toy):
    assert build(toy(cutouts=8, gradient_accumulation_steps=3)).descent.chunks == 3
    assert build(toy(cutouts=8)).descent.chunks == 1
