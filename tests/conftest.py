"""Runs so small that they take milliseconds, and the pictures and films that they name."""

import contextlib
import os
import shutil
import signal
import threading
import uuid
import wave
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image

from mutoscope.gan.files import write_generator
from mutoscope.gan.generator import Generator
from mutoscope.gan.shape import Shape
from mutoscope.settings import load_settings
from mutoscope.vqgan import Architecture, new_vqgan, write_architecture

SMALL = {
    "scenes": "a fox",
    "perceptors": "tiny",
    "width": 32,
    "height": 32,
    "steps_per_scene": 4,
    "cutouts": 2,
    "seed": 7,
}


@pytest.fixture(autouse=True, scope="session")
def no_waiting_for_the_disk():
    """What tests write need not outlive a loss of power; what is no open file is still refused.

    Runs that are killed are processes of their own, and wait as they always do.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", os.fstat)
        yield


@pytest.fixture(autouse=True)
def the_same_numbers():
    """A test that draws without a generator of its own draws the same in every run and order."""
    torch.default_generator.manual_seed(0)  # torch.manual_seed keeps a note of who asked, for a GPU
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(0)


@pytest.fixture(scope="session")
def small():
    """The keys that make a run small."""
    return dict(SMALL)


@pytest.fixture
def toy(tmp_path):
    """Makes settings of a small run; paths begin in the test's folder."""

    def settings(**changes):
        return load_settings({**SMALL, **changes}, base=tmp_path)

    return settings


def pytest_collection_modifyitems(items):
    """What happens in a real browser has a second try, and the end of the run tells of it.

    Browser, studio and painter are a dozen processes on two cores, and now and then one of them
    answers too late. What is broken fails twice.
    """
    for item in items:
        if "chromium" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.flaky(reruns=1))


class Chromium:
    """A Chromium without a window, from this machine; Playwright's own is never fetched.

    One that doesn't close a page is ended, and whoever asks next has a new one: now and then a
    busy Chromium waits for itself, and a test is not to hang on how it says goodbye.
    """

    STILL = ("no-sandbox", "disable-gpu", "disable-background-networking", "no-first-run",
             "disable-component-update", "disable-sync")  # fmt: skip
    PATIENCE = 30.0  # seconds

    def __init__(self, player, path, error):
        self.player, self.path, self.error = player, path, error
        self.mark = f"--mark={uuid.uuid4().hex}"  # by which its processes are known
        self.opened = None

    def new_context(self, **options):
        if self.opened is None or not self.opened.is_connected():
            arguments = [*(f"--{name}" for name in self.STILL), self.mark]
            self.opened = self.player.chromium.launch(
                executable_path=self.path, headless=True, args=arguments
            )
        return self.opened.new_context(**options)

    def processes(self):
        """The numbers of its processes, where the system tells them."""
        for line in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                if self.mark.encode() in line.read_bytes():
                    yield int(line.parent.name)

    def end(self):
        for number in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)

    def close(self, closed):
        """Closes a context or the whole browser, if need be by ending the processes."""
        patience = threading.Timer(self.PATIENCE, self.end)
        patience.start()
        try:
            closed.close()
        except self.error:  # as it says where it was ended
            assert not self.opened.is_connected()
        finally:
            patience.cancel()


@pytest.fixture(scope="module")  # its event loop runs until then, and others need their own
def chromium():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip("there is no Chromium on this machine (make browser)")
    with playwright.sync_playwright() as player:
        chromium = Chromium(player, found, playwright.Error)
        yield chromium
        if chromium.opened is not None:
            chromium.close(chromium.opened)


@pytest.fixture
def new_context(chromium):
    """Opens another visitor's browser, with a store of its own; it is closed after the test."""
    opened = []

    def make(**options):
        opened.append(chromium.new_context(**options))
        return opened[-1]

    yield make
    for context in opened:
        chromium.close(context)


@pytest.fixture
def single_thread():
    """One thread, so that toy runs don't wait for cores that other work has."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def draw(tmp_path):
    """Writes a picture of noise, or of one colour, into the test's folder."""

    def write(name, size=(24, 18), *, colour=None, seed=0):
        width, height = size
        if colour is None:
            pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3))
        else:
            pixels = np.broadcast_to(colour, (height, width, 3))
        path = tmp_path / name
        Image.fromarray(pixels.astype(np.uint8)).save(path)
        return path

    return write


@pytest.fixture
def shoot(tmp_path):
    """Writes a film of grey frames, each as light as its number says, into the test's folder."""

    def write(name, lights, *, rate=12, size=(16, 16)):
        path = tmp_path / name
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=rate)
            stream.width, stream.height = size
            stream.pix_fmt = "yuv420p"
            stream.options = {"crf": "5"}
            for light in lights:
                # The left half is black, so that it matters where a cutout lies.
                pixels = np.zeros((size[1], size[0], 3), np.uint8)
                pixels[:, size[0] // 2 :] = round(255 * light)
                for packet in stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")):
                    container.mux(packet)
            for packet in stream.encode():
                container.mux(packet)
        return path

    return write


@pytest.fixture(scope="session")
def small_vqgan(tmp_path_factory):
    """The folder of a pair of files in taming's form: a VQGAN of f = 4 with random weights."""
    folder = tmp_path_factory.mktemp("vqgan")
    architecture = Architecture(
        kind="vq", embed_dim=8, n_embed=32, z_channels=8, ch=32, ch_mult=(1, 1, 1),
        num_res_blocks=1, attn_resolutions=(), resolution=32,
    )  # fmt: skip
    model = new_vqgan(architecture, generator=torch.Generator().manual_seed(0))
    write_architecture(architecture, folder / "model.yaml")
    torch.save({"state_dict": model.state_dict(), "epoch": 3}, folder / "model.ckpt")
    return folder


@pytest.fixture(scope="session")
def small_generator(tmp_path_factory):
    """The folder of a training with a generator of 32 grey pixels and random weights in it."""
    folder = tmp_path_factory.mktemp("gan")
    shape = Shape(size=32, channels=1, z=16, w=16, cbase=256, cmax=16, mapping_layers=2)
    rng = torch.Generator().manual_seed(0)
    model = Generator(shape, rng)
    model.track(model.map(torch.randn(500, 16, generator=rng)))
    write_generator(folder / "generator.safetensors", model)
    return folder


@pytest.fixture
def play(tmp_path):
    """Writes a sound into the test's folder: a tone of so many hertz between two seconds."""

    def write(name, *, hertz=100.0, start=0.0, stop=1.0, length=2.0, rate=8000):
        time = np.arange(int(length * rate)) / rate
        tone = np.sin(2 * np.pi * hertz * time) * ((time >= start) & (time < stop))
        path = tmp_path / name
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(rate)
            file.writeframes((0.5 * 32767 * tone).astype("<i2").tobytes())
        return path

    return write
