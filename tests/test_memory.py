import subprocess
import sys

import pytest
import torch

from mutoscope.memory import free_memory, peak_memory, total_memory


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the peak is not inherited")
def test_the_peak_of_memory_is_this_process_own():
    ours = torch.ones(200_000_000)  # 0.8 GB
    ask = "import torch; from mutoscope.memory import *; print(peak_memory(torch.device('cpu')))"
    told = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert 50e6 < int(told.stdout) < 4 * ours.numel()
    assert peak_memory(torch.device("cpu")) > 4 * ours.numel()


def test_free_memory_counts_what_caches_would_give():
    free, total = free_memory(), total_memory()
    assert free is None or 10_000_000 < free < 10**14
    assert free is None or total is None or free <= total
