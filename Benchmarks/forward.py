"""Tokens per second of a forward pass: ours and that of transformers in Float32, in turn.

Both hold the model and run the same number of tokens, A B A B, so that what else the machine
does falls on both. Memory is the largest RssAnon + RssShmem while they run; mapped files are
not counted. Seconds of the processors tell more than tokens per second where the machine is
shared.

usage: forward.py FORWARD_BENCH BASE [TOKENS] [RUNS]
"""

import os
import statistics
import subprocess
import sys
import threading
import time

import torch
from transformers import AutoModelForCausalLM

bench, base = sys.argv[1:3]
length = int(sys.argv[3]) if len(sys.argv) > 3 else 512
runs = int(sys.argv[4]) if len(sys.argv) > 4 else 5


def private_megabytes(process_id):
    with open(f"/proc/{process_id}/status") as file:
        lines = [line.split() for line in file if line.startswith(("RssAnon:", "RssShmem:"))]
    return sum(int(words[1]) for words in lines) / 1024


def watched(process_id, work):
    """What `work` returns, and the peak of the memory meanwhile."""
    peak, done = private_megabytes(process_id), threading.Event()

    def watch():
        nonlocal peak
        while not done.wait(0.005):
            peak = max(peak, private_megabytes(process_id))

    watcher = threading.Thread(target=watch)
    watcher.start()
    result = work()
    done.set()
    watcher.join()
    return result, peak


torch.set_num_threads(os.cpu_count() or 1)
model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32).eval()
generator = torch.Generator().manual_seed(1)
ids = torch.randint(0, model.config.vocab_size, (1, length), generator=generator)
process = subprocess.Popen(
    [bench, base, str(length)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)


def ours():
    process.stdin.write("\n")
    return tuple(float(word) for word in process.stdout.readline().split())


def theirs():
    start, used = time.monotonic(), time.process_time()
    with torch.inference_mode():
        model(ids)
    return time.monotonic() - start, time.process_time() - used


ours(), theirs()  # the first pass maps the files
sides = {"mopz": (process.pid, ours), "transformers": (os.getpid(), theirs)}
times = {name: [] for name in sides}
peaks = {name: 0.0 for name in sides}
for _ in range(runs):
    for name, (process_id, work) in sides.items():
        result, peak = watched(process_id, work)
        times[name].append(result)
        peaks[name] = max(peaks[name], peak)
process.stdin.close()
process.wait()

medians = {}
for name, results in times.items():
    seconds, used = (statistics.median(column) for column in zip(*results))
    medians[name] = seconds, used
    print(
        f"{name:>12}: {length / seconds:6.1f} tokens/s, {seconds:.2f} s, "
        f"{used:.2f} s of processors, {peaks[name]:.0f} MB")
ratios = [b[0] / a[0] for a, b in zip(times["mopz"], times["transformers"])]
print(
    f"ratio of tokens per second {medians['transformers'][0] / medians['mopz'][0]:.2f}, "
    f"median of the pairs {statistics.median(ratios):.2f}, "
    f"of processor time {medians['transformers'][1] / medians['mopz'][1]:.2f}")
