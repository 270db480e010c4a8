"""What a draft will cost, as `mutoscope plan` says it, from a process that ends when it has.

The time comes from trial steps, for which networks are loaded: not in the server, which stays small
and answers on.
"""

import asyncio
import contextlib
import sys
import tempfile
from pathlib import Path

from mutoscope.errors import RunError
from mutoscope.studio.complaints import cleaned
from mutoscope.studio.place import Place
from mutoscope.studio.queue.worker import environment

PATIENCE = 300.0  # seconds
_MOST = 200  # lines that are shown
_turn = asyncio.Semaphore(1)  # trial steps of two at once would tell the time of neither


async def foreseen(text: str, place: Place) -> list[str]:
    """The lines that `mutoscope plan` prints for a draft.

    Raises:
        RunError: it can't be foreseen; the message is what the command said.
    """
    async with _turn:
        with tempfile.TemporaryDirectory(prefix="mutoscope-") as folder:
            path = Path(folder, "settings.yaml")
            path.write_bytes(text.encode("utf-8", "surrogatepass"))
            # A draft's paths begin in the studio's folder, in which the command is begun, too.
            given = [str(path), *(["paths_from=."] if "paths_from" not in text else [])]
            printed, complaint, code = await _answer(given, place, Path(folder, "report"))
    if code != 0:
        last = complaint.strip().rpartition("\n")[2].removeprefix("mutoscope: ")
        raise RunError(cleaned(last.replace(f"{path}:", "line "), place) or "no plan could be made")
    return [cleaned(line, place) for line in printed.splitlines()[:_MOST]]


async def _answer(given: list[str], place: Place, report: Path) -> tuple[str, str, int]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "mutoscope", "plan", *given, cwd=place.root,
        env=environment(place.root, report), stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        out, err = await asyncio.wait_for(process.communicate(), PATIENCE)
    except TimeoutError as error:
        raise RunError(f"the plan took longer than {PATIENCE:.0f} s, and was given up") from error
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return out.decode(errors="replace"), err.decode(errors="replace"), process.returncode or 0
