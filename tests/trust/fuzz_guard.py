"""A watch over one call with bytes from a stranger: what it may do, how long, and with how much.

Within a `Guard` a call that starts a program, opens a connection, runs code that is no module's,
unpickles by name, or writes outside of its room is stopped there and then; so is one that takes
more CPU seconds than it may. Native code that neither returns nor looks round is ended with its
process. How much memory a call took at its highest is measured; what no call may have is refused by
the system.
"""

import contextlib
import faulthandler
import os
import resource
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any

# Times the CPU seconds, after which native code that keeps still is ended with its process: by CPU
# time, which others' work does not lengthen, and by the clock for what only waits.
NATIVE, WALL = 5.0, 200.0
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_NEVER = (
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.fork",
    "os.forkpty",
    "os.posix_spawn",
    "os.spawn",
    "os.startfile",
    "os.kill",
    "os.putenv",
    "pty.spawn",
    "socket.connect",
    "socket.bind",
    "socket.getaddrinfo",
    "socket.gethostbyname",
    "socket.sendto",
    "pickle.find_class",
    "webbrowser.open",
    "urllib.Request",
    "ftplib.connect",
    "http.client.connect",
    "smtplib.connect",
    "telnetlib.Telnet.open",
    "code.__new__",
    "function.__new__",
    "ctypes.dlopen",
    "sys.addaudithook",
    "sys.settrace",
    "sys.setprofile",
)
_CHANGING = (
    "os.remove",
    "os.rmdir",
    "os.mkdir",
    "os.rename",
    "os.link",
    "os.symlink",
    "os.truncate",
    "os.chmod",
    "os.chown",
    "os.utime",
    "shutil.rmtree",
    "shutil.move",
    "shutil.copyfile",
)


class TrespassError(BaseException):
    """A call did what no parser has to do. Not an `Exception`: nothing on the way may keep it."""


class HangError(BaseException):
    """A call took longer than it may."""


@dataclass
class Spent:
    """What a call took: CPU seconds, and by how many bytes its memory grew at the highest."""

    seconds: float = 0.0
    bytes: int = 0


class Guard:
    """Watches calls of this process, for the rest of its life.

    Args:
        room: the only folder in which anything may be written.
        address_space: bytes by which the process may grow beyond what it has now.
    """

    def __init__(self, room: Path, *, address_space: int) -> None:
        self._room = f"{room.resolve()}{os.sep}"
        self._ours = tuple(
            {
                os.path.realpath(place)
                for place in (sys.prefix, sys.base_prefix, Path(__file__).parents[2] / "src")
            }
        )
        self._armed = False
        self._known = {name.partition(".")[0] for name in sys.modules} | set(
            sys.stdlib_module_names
        )
        self._refs = os.open("/proc/self/clear_refs", os.O_WRONLY)
        signal.signal(signal.SIGPROF, self._late)
        faulthandler.enable()
        faulthandler.register(signal.SIGVTALRM, chain=True)  # then the system ends the process
        size = _status("VmSize")
        resource.setrlimit(resource.RLIMIT_AS, (size + address_space, resource.RLIM_INFINITY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        sys.addaudithook(self._heard)

    def knows(self, *names: str) -> None:
        """Have packages that may be imported while a call is watched."""
        self._known.update(names)

    @contextlib.contextmanager
    def watch(self, seconds: float) -> Iterator[Spent]:
        """Watch what is done within; it may take so many CPU seconds."""
        spent = Spent()
        os.write(self._refs, b"5")  # the highest that memory was begins anew
        before = _status("VmRSS")
        times = os.times()
        faulthandler.dump_traceback_later(seconds * WALL, exit=True)
        signal.setitimer(signal.ITIMER_PROF, seconds)
        signal.setitimer(signal.ITIMER_VIRTUAL, seconds * NATIVE)
        self._armed = True
        try:
            yield spent
        finally:
            self._armed = False
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            faulthandler.cancel_dump_traceback_later()
            now = os.times()
            spent.seconds = now.user + now.system - times.user - times.system
            spent.bytes = max(0, _status("VmHWM") - before)

    def _late(self, *_: object) -> None:
        if self._armed:
            raise HangError

    def _heard(self, event: str, args: tuple[Any, ...]) -> None:
        if not self._armed:
            return
        if event == "open":
            path, _, flags = args
            if isinstance(flags, int) and flags & _WRITING:
                self._check(event, path)
        elif event in _CHANGING:
            for path in args[:2] if event in ("os.rename", "os.link") else args[:1]:
                self._check(event, path)
        elif event in _NEVER:
            self._stop(f"{event}{args!r:.200}")
        elif event == "import" and args[0].partition(".")[0] not in self._known:
            self._stop(f"import of {args[0]}")
        elif event == "exec" and not self._is_a_modules(args[0]):
            self._stop(f"code is run: {args[0]!r:.200}")

    def _check(self, event: str, path: object) -> None:
        if isinstance(path, bytes):
            path = os.fsdecode(path)
        if not isinstance(path, str | os.PathLike):
            return  # a file that is open already
        real = os.path.realpath(path)
        if not f"{real}{os.sep}".startswith(self._room) and real != os.devnull:
            self._stop(f"{event} outside: {real!r:.200}")

    def _is_a_modules(self, code: object) -> bool:
        if isinstance(code, CodeType) and code.co_filename.startswith(("<frozen", *self._ours)):
            return True
        # Data classes and named tuples of a module that is being imported are made of text.
        frame = sys._getframe()
        while frame is not None:
            if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
                return True
            frame = frame.f_back  # type: ignore[assignment]
        return False

    def _stop(self, what: str) -> None:
        self._armed = False
        raise TrespassError(what)


def _status(name: str) -> int:
    """A line of this process's status, in bytes."""
    with Path("/proc/self/status").open(encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(f"{name}:"))
