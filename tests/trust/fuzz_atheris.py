"""The readers that are Python alone, led by coverage: Atheris changes what opens new branches.

    python tests/trust/fuzz_atheris.py --seconds 60 [--only NAME …]

Atheris is no dependency of the project: it is used where it is installed. Each target runs in a
process of its own under the same watch as in `fuzz`; its examples are the corpus it begins with.
"""

import argparse
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path


def child(name: str, seconds: int, room: Path) -> None:
    """Fuzz one target until the seconds are over; never returns."""
    import logging
    import warnings

    import atheris

    with atheris.instrument_imports(include=["mutoscope"]):
        from fuzz import _seeds
        from fuzz_files import TARGETS as FILES
        from fuzz_guard import Guard
        from fuzz_words import TARGETS as WORDS

        from mutoscope.errors import MutoscopeError

    warnings.simplefilter("ignore")
    logging.getLogger("mutoscope").setLevel(logging.CRITICAL + 1)
    target = next(target for target in (*WORDS, *FILES) if target.name == name)
    corpus = room.parent / "corpus"
    corpus.mkdir()
    os.chdir(room)
    for number, data in enumerate(_seeds(target, room)):
        (corpus / str(number)).write_bytes(data)
    guard = Guard(room, address_space=4 << 30)

    def one(data: bytes) -> None:
        # Instrumented code is slower.
        with guard.watch(target.seconds * 3) as spent, contextlib.suppress(MutoscopeError):
            target.call(data, room)
        if spent.bytes > target.megabytes << 20:
            raise MemoryError(f"{spent.bytes:,} bytes")

    atheris.Setup(
        [sys.argv[0], str(corpus), f"-max_total_time={seconds}", "-max_len=8192", "-rss_limit_mb=0",
         f"-artifact_prefix={room.parent}/", "-print_final_stats=1", "-verbosity=1"],
        one,
    )  # fmt: skip
    atheris.Fuzz()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=int, default=30, help="for each target")
    parser.add_argument("--only", nargs="+")
    parser.add_argument("--kept", type=Path, default=Path("fuzz-findings"))
    parser.add_argument("--child", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        order = json.loads(asked.child)
        child(order["name"], order["seconds"], Path(order["room"]))
        return 0
    from fuzz import names

    failed = total = 0
    for name in asked.only or [name for name, pure in names().items() if pure]:
        with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
            (Path(folder) / "room").mkdir()
            order = {"name": name, "seconds": asked.seconds, "room": f"{folder}/room"}
            ran = subprocess.run(
                [sys.executable, "-B", __file__, "--child", json.dumps(order)],
                capture_output=True, text=True, errors="replace", check=False,
            )  # fmt: skip
            said = ran.stdout + ran.stderr
            counts = [int(count) for count in re.findall(r"^#(\d+)\s", said, re.MULTILINE)]
            tried = max(counts, default=0)
            total += tried
            ok = "Done " in said
            print(f"{name:26} {tried:9,} {'' if ok else 'FOUND'}", flush=True)
            if not ok:
                failed += 1
                asked.kept.mkdir(parents=True, exist_ok=True)
                for held in Path(folder).glob("crash-*"):
                    kept = asked.kept / f"{name.replace(' ', '_')}-atheris-{held.name}"
                    kept.write_bytes(held.read_bytes())
                    print(f"  kept as {kept}")
                print("  " + "\n  ".join(said.splitlines()[-14:]))
    print(f"{total:,} executions led by coverage, {failed} findings")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
