"""The functions of vqgan-clip-generator that take films apart and put them together."""

import inspect
from pathlib import Path

import av
import pytest

from mutoscope import video_tools
from mutoscope.errors import MediaError, SettingsError
from mutoscope.frames import ClipSource
from mutoscope.frames.mux import add_sound
from mutoscope.images import load_image
from mutoscope.sound import SoundFile

pytestmark = pytest.mark.usefixtures("single_thread")

REQUIRED = inspect.Parameter.empty
DOCUMENTED = {
    "extract_video_frames": {
        "input_video_path": REQUIRED, "extraction_framerate": 30,
        "extracted_video_frames_path": "./extracted_video_frames",
    },
    "copy_video_audio": {
        "original_video": REQUIRED, "destination_file_without_audio": REQUIRED,
        "output_file": REQUIRED, "verbose": False,
    },
    "encode_video": {
        "output_file": REQUIRED, "input_framerate": 30, "path_to_stills": "video_frames",
        "output_framerate": None, "metadata_title": "", "metadata_comment": "",
        "vcodec": "libx264", "crf": 23, "verbose": False,
    },
    "RIFE_interpolation": {
        "input": REQUIRED, "output": REQUIRED, "interpolation_factor": 4, "metadata_title": "",
        "metadata_comment": "", "verbose": False,
    },
}  # fmt: skip


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def film(shoot):
    """A film of twelve frames, a second long."""
    return shoot("film.mp4", [n / 12 for n in range(12)], size=(32, 24))


@pytest.fixture
def stills(draw, here):
    """Six numbered pictures in a folder of a name that FFmpeg would read as a pattern."""
    folder = here / "fra%mes [1]"
    folder.mkdir()
    for n in range(6):
        draw(f"{folder.name}/frame_{n + 1:012d}.jpg", (32, 24), colour=(40 * n, 90, 60))
    return folder


def tags(path):
    with av.open(str(path)) as container:
        return {name.lower(): text for name, text in container.metadata.items()}


@pytest.mark.parametrize("name", DOCUMENTED)
def test_arguments_have_the_names_order_and_defaults_that_are_documented(name):
    parameters = inspect.signature(getattr(video_tools, name)).parameters
    documented = DOCUMENTED[name]
    old = {key: p for key, p in parameters.items() if p.kind is p.POSITIONAL_OR_KEYWORD}
    assert list(old) == list(documented)
    assert {key: p.default for key, p in old.items()} == documented
    assert set(parameters) - set(old) == {"overwrite"}
    assert parameters["overwrite"].default is False


# ── extract ──


@pytest.mark.parametrize(("rate", "count"), [(12, 12), (30, 30), (6, 6)])
def test_frames_are_extracted_at_a_rate(here, film, rate, count):
    paths = video_tools.extract_video_frames(film, rate, "some/fra%mes")
    assert paths == [f"some/fra%mes/frame_{n:012d}.jpg" for n in range(1, count + 1)]
    assert sorted(here.glob("some/fra%mes/*.jpg")) == [here / path for path in paths]
    assert float(load_image(paths[-1])[..., 20:].mean()) > 0.8
    assert float(load_image(paths[0])[..., 20:].mean()) < 0.05


def test_extraction_goes_on_and_finds_what_is_there(film):
    paths = video_tools.extract_video_frames(film, 12)
    assert paths[0] == "./extracted_video_frames/frame_000000000001.jpg"
    kept = Path(paths[0]).stat().st_mtime_ns
    before = Path(paths[5]).read_bytes()
    Path(paths[5]).unlink()
    assert video_tools.extract_video_frames(film, 12) == paths
    assert Path(paths[5]).read_bytes() == before
    assert Path(paths[0]).stat().st_mtime_ns == kept


def test_a_folder_with_other_files_is_refused(here, film):
    (here / "full").mkdir()
    (here / "full" / "letter.txt").write_text("dear")
    with pytest.raises(MediaError, match=r"letter\.txt"):
        video_tools.extract_video_frames(film, 12, "full")
    video_tools.extract_video_frames(film, 12, "full", overwrite=True)
    assert (here / "full" / "letter.txt").read_text() == "dear"


def test_what_is_no_film_is_refused(here):
    with pytest.raises(ValueError, match="input_video_path must be a file"):
        video_tools.extract_video_frames("none.mp4", 30)
    (here / "empty.mp4").write_bytes(b"")
    with pytest.raises(MediaError, match=r"empty\.mp4"):
        video_tools.extract_video_frames("empty.mp4", 30)
    assert not (here / "extracted_video_frames").exists()


# ── encode ──


def test_stills_become_a_film_with_title_and_comment(stills):
    words = 'a "quoted" prompt; $(touch ran) `touch ran`'
    video_tools.encode_video("out/a.mp4", 6, stills, metadata_title=words, metadata_comment=words)
    source = ClipSource("out/a.mp4")
    assert (source.rate, source.size, len(list(source))) == (6, (32, 24), 6)
    assert tags("out/a.mp4")["title"] == tags("out/a.mp4")["description"] == words
    assert not Path("ran").exists()


@pytest.mark.parametrize(("rate", "wanted", "count"), [(6, 12, 12), (6, 15, 15), (6, 3, 3)])
def test_another_rate_keeps_the_length(stills, rate, wanted, count):
    video_tools.encode_video("a.mp4", rate, stills, wanted)
    source = ClipSource("a.mp4")
    assert (source.rate, len(list(source))) == (wanted, count)


def test_a_film_that_is_there_stays(here, stills):
    (here / "a.mp4").write_bytes(b"mine")
    with pytest.raises(MediaError, match="exists already"):
        video_tools.encode_video("a.mp4", 6, stills)
    assert (here / "a.mp4").read_bytes() == b"mine"
    video_tools.encode_video("a.mp4", 6, stills, overwrite=True)
    assert len(list(ClipSource("a.mp4"))) == 6


def test_missing_frames_and_differing_sizes_are_refused(here, stills, draw):
    frame = stills / "frame_000000000003.jpg"
    frame.unlink()
    with pytest.raises(MediaError, match="numbers are missing: 3"):
        video_tools.encode_video("a.mp4", 6, stills)
    draw(f"{stills.name}/{frame.name}", (30, 24))
    with pytest.raises(MediaError, match="30 × 24"):
        video_tools.encode_video("a.mp4", 6, stills)
    assert sorted(p.name for p in here.iterdir()) == [stills.name]


def test_a_folder_that_is_none_or_empty_is_refused(here):
    with pytest.raises(ValueError, match="path_to_stills must be a folder"):
        video_tools.encode_video("a.mp4", 30)
    (here / "video_frames").mkdir()
    with pytest.raises(MediaError, match="holds no picture"):
        video_tools.encode_video("a.mp4", 30)


def test_codecs_by_their_names(stills, caplog):
    video_tools.encode_video("a.webm", 6, stills, vcodec="libvpx-vp9")
    video_tools.encode_video("a.mkv", 6, stills)
    video_tools.encode_video("a.mp4", 6, stills, vcodec="libx265")
    assert "libx265 is not written here" in caplog.text
    with pytest.raises(SettingsError, match=r"call the film b\.webm"):
        video_tools.encode_video("b.mp4", 6, stills, vcodec="vp9")
    with pytest.raises(SettingsError, match="did you mean 'libx264'"):
        video_tools.encode_video("b.mp4", 6, stills, vcodec="libx263")


# ── sound ──


def streams(path):
    with av.open(str(path)) as container:
        return sorted(stream.type for stream in container.streams)


def test_sound_is_copied_from_another_film(here, film, play, shoot):
    add_sound(film, SoundFile(play("tone.wav")), here / "original.mp4")
    video_tools.copy_video_audio("original.mp4", film, "some/with.mp4")
    assert streams("some/with.mp4") == ["audio", "video"]
    with av.open("some/with.mp4") as container:
        assert container.duration / 1e6 == pytest.approx(1, abs=0.05)
    with pytest.raises(MediaError, match="exists already"):
        video_tools.copy_video_audio("original.mp4", film, "some/with.mp4")


def test_a_source_without_sound_is_said_and_the_film_written(film, shoot, caplog):
    shoot("mute.mp4", [0.1, 0.2])
    video_tools.copy_video_audio("mute.mp4", film, "with.mp4")
    assert "without sound" in caplog.text
    assert Path("with.mp4").read_bytes() == film.read_bytes()


def test_films_that_are_missing_are_name_errors(film):
    for arguments in (("none.mp4", film, "a.mp4"), (film, "none.mp4", "a.mp4")):
        with pytest.raises(NameError, match=r"none\.mp4"):
            video_tools.copy_video_audio(*arguments)


# ── more frames ──


def test_a_film_gets_four_times_its_frames(film, here, play):
    add_sound(film, SoundFile(play("tone.wav")), here / "heard.mp4")
    video_tools.RIFE_interpolation(
        "heard.mp4", "more.mp4", metadata_title="t", metadata_comment="c"
    )
    source = ClipSource("more.mp4")
    assert (source.rate, len(list(source))) == (48, 48)
    assert streams("more.mp4") == ["audio", "video"]
    assert (tags("more.mp4")["title"], tags("more.mp4")["description"]) == ("t", "c")
    assert sorted(p.name for p in here.glob(".*")) == []


def test_ntsc_rates_are_exact(here, draw):
    (here / "video_frames").mkdir()
    for n in range(3):
        draw(f"video_frames/frame_{n + 1:012d}.png", (32, 24), colour=(40 * n, 90, 60))
    video_tools.encode_video("slow.mp4", 30000 / 1001)
    video_tools.RIFE_interpolation("slow.mp4", "more.mp4", 2)
    assert ClipSource("more.mp4").rate == 2 * ClipSource("slow.mp4").rate


def test_other_factors_and_missing_films_are_refused(film):
    with pytest.raises((MediaError, SettingsError), match="3"):
        video_tools.RIFE_interpolation(film, "more.mp4", 3)
    with pytest.raises(ValueError, match=r"none\.mp4"):
        video_tools.RIFE_interpolation("none.mp4", "more.mp4")
