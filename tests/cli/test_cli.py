"""The command line as a whole: help, exit codes, and what it costs to ask."""

import subprocess
import sys

import click
import pytest

from mutoscope import __version__
from mutoscope.cli import COMMANDS, cli, run

HEAVY = {"torch", "numpy", "pydantic", "omegaconf", "PIL", "av", "cv2", "rich", "scipy"}


def commands():
    """Every command and subcommand, as it is typed."""

    def walk(command, words):
        yield words
        if isinstance(command, click.Group):
            context = click.Context(command)
            for name in command.list_commands(context):
                yield from walk(command.get_command(context, name), [*words, name])

    return list(walk(cli, []))


def test_there_are_the_commands_that_are_promised():
    promised = {"image", "render", "resume", "film", "show", "settings", "models", "doctor",
                "plan", "preview", "quality", "smooth", "interpolate", "upscale", "restyle",
                "video", "demo", "train-vqgan", "train", "walk", "atlas", "project", "process",
                "drawings", "studio", "sweep"}  # fmt: skip
    assert set(COMMANDS) == promised
    assert ["models", "fetch"] in commands()


@pytest.mark.parametrize("words", commands(), ids=" ".join)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_every_command_has_help_with_an_example(call, words, flag):
    code, out, err = call(*words, flag)
    assert (code, err) == (0, [])
    assert out[0].startswith(" ".join(["Usage: mutoscope", *words]))
    example = next(line.strip() for line in out if line.strip().startswith("Example:"))
    assert example.removeprefix("Example:").strip().startswith(" ".join(["mutoscope", *words]))
    assert max(map(len, out)) <= 80


@pytest.mark.parametrize("words", commands()[1:], ids=" ".join)
def test_every_example_can_be_parsed(words):
    """The options and arguments of an example are those that the command has."""
    import shlex

    command, context = cli, None
    for word in words:
        command = command.get_command(click.Context(command), word)
    example = shlex.split(command.epilog.removeprefix("Example:").partition(" > ")[0])
    typed = example[1 + len(words) :]
    if not isinstance(command, click.Group):
        context = command.make_context(words[-1], typed)
        assert all(value is not None for value in context.params.values() if typed)


def test_without_anything_it_shows_the_overview(call):
    code, out, err = call()
    assert (code, err) == (0, [])
    for name, (_, text) in COMMANDS.items():
        assert any(line.split()[:1] == [name] and text in line for line in out)


def test_the_version(call):
    assert call("--version") == (0, [f"mutoscope {__version__}"], [])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["imaeg", "x"], "did you mean 'image'?"),
        (["--foo"], "--foo"),
        (["image"], "'PROMPT'"),
        (["render"], "'FILE'"),
        (["resume"], "'RUN'"),
        (["film"], "'SOURCE...'"),
        (["film", "x"], "--output"),
        (["models", "fetch"], "'NAME'"),
        (["models", "fetsh", "x"], "fetsh"),
        (["image", "fox", "--outptu", "x"], "--output"),
        (["image", "a", "red", "fox"], "mutoscope image 'a red fox'"),
        (["image", "a", "fox", "seed=7"], "mutoscope image 'a fox'"),
    ],
)
def test_what_is_typed_wrongly_is_refused_in_one_line(refused, words, says):
    assert says in refused(*words)


def test_a_bug_keeps_its_traceback(monkeypatch):
    from mutoscope import doctor

    def broken():
        raise ZeroDivisionError

    monkeypatch.setattr(doctor, "examine", broken)
    with pytest.raises(ZeroDivisionError):
        run(["doctor"])


@pytest.mark.parametrize(
    "error",
    [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory"),
     RuntimeError("CUDA out of memory. Tried to allocate"),
     ImportError("libtorch_cpu.so: failed to map segment from shared object")],
)  # fmt: skip
def test_too_little_memory_is_one_line(refused, monkeypatch, error):
    from mutoscope import doctor

    def broken():
        raise error

    monkeypatch.setattr(doctor, "examine", broken)
    assert "not enough memory" in refused("doctor")


def test_ctrl_c_is_130(monkeypatch, call):
    from mutoscope import doctor

    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(doctor, "examine", interrupted)
    assert call("doctor")[0] == 130


def loaded(code):
    """What of the heavy packages is imported after some code, in a process of its own."""
    code += f"; import sys; print(sorted({HEAVY!r} & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return ran.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    "code",
    [
        "import mutoscope",
        "from mutoscope.cli import run; run(['--help'])",
        "from mutoscope.cli import run; run(['image', '--help'])",
        "from mutoscope.cli import run; run(['nonsense'])",
    ],
)
def test_asking_loads_nothing_heavy(code):
    assert loaded(code) == "[]"


@pytest.mark.parametrize("words", [["settings", "seed"], ["image", "a fox", "stepz=3"]])
def test_settings_are_judged_without_torch(words):
    assert "torch" not in loaded(f"from mutoscope.cli import run; run({words!r})")


def test_a_pipe_that_is_closed_is_no_error():
    command = f"{sys.executable} -m mutoscope settings | head -n 1; exit ${{PIPESTATUS[0]}}"
    ran = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_python_m_mutoscope():
    ran = subprocess.run(
        [sys.executable, "-m", "mutoscope", "imaeg"], capture_output=True, text=True
    )
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith("mutoscope: no command 'imaeg'")
