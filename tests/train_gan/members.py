"""Two processes that are a team, forked by one that has imported everything.

Each takes the four turns of a step and the leader writes their slopes; then both begin a training
on the command line, in which the second is killed. How they ended is printed.

    python members.py FOLDER SETTINGS ARGUMENTS    (the last two as JSON)
"""

import json
import os
import signal
import socket
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

from mutoscope.cli import run
from mutoscope.gan import LOSSES
from mutoscope.train_gan import lesson, turns
from mutoscope.train_gan.players import Players
from mutoscope.train_gan.presets import PRESETS
from mutoscope.train_gan.team import ALONE, Several, join

LAST = 6  # question to the team after which the second process lives no more


def slopes(keys, *, team=ALONE):
    """The gradients of both networks in each turn of two steps, by loss, turn and parameter."""
    found = {}
    for loss in LOSSES:
        settings = PRESETS["smoke"].settings.with_values(keys | {"loss": loss}).settled()
        players = Players.start(settings, torch.device("cpu"), team=team)
        for name, weight in players.generator.named_parameters():
            if name.endswith("strength"):
                torch.nn.init.constant_(weight, 0.3)
        for optimizer in (players.painter, players.referee):
            optimizer.param_groups[0]["lr"] = 0.0  # that all are at the same place
        share = settings.batch // team.size
        # Strokes, such that no two drawings are alike.
        rng = torch.Generator().manual_seed(0)
        drawings = torch.rand(settings.batch, 1, 32, 32, generator=rng).gt(0.8) * 2.0 - 1
        wanted = drawings[team.rank * share :][:share]
        for step in range(2):
            for turn in ("tell_apart", "calm_down", "draw", "straighten"):
                what = () if turn == "straighten" else (wanted,)
                getattr(turns, turn)(players, step, *what)
                network = (
                    players.generator if turn in ("draw", "straighten") else players.discriminator
                )
                found |= {
                    f"{loss}/{turn}/{step}/{name}": weight.grad.clone()
                    for name, weight in network.named_parameters()
                    if weight.grad is not None
                }
        found[f"{loss}/lengths"] = players.lengths.mean.clone()
        found[f"{loss}/mean"] = players.generator.mean.clone()
    return found


def member(folder, keys, arguments):
    """What one of the processes does; returns its exit code."""
    team = join(cpu=True)
    found = slopes(keys, team=team)
    if team.leads:
        save_file(found, folder / "slopes.safetensors")
    lesson.embedded_embedding = lambda: None
    agree, asked = Several.agree, [0]

    def agree_till_the_end(self, step, wish):
        asked[0] += 1
        if not self.leads and asked[0] == LAST:
            os.kill(os.getpid(), signal.SIGKILL)
        return agree(self, step, wish)

    Several.agree = agree_till_the_end
    return run(arguments)


def main():
    """Fork them, and tell how they ended."""
    folder, keys, arguments = Path(sys.argv[1]), json.loads(sys.argv[2]), json.loads(sys.argv[3])
    torch.set_num_threads(1)
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    ids = []
    for rank in range(2):
        os.environ |= {
            "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2",
            "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
        }  # fmt: skip
        ids.append(os.fork())
        if not ids[-1]:
            code = 70
            try:
                code = member(folder, keys, arguments)
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
    codes = [os.waitstatus_to_exitcode(os.waitpid(one, 0)[1]) for one in ids]
    sys.stdout.write(json.dumps(codes))


if __name__ == "__main__":
    main()
