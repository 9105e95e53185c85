"""Runs commands in turn (A B A B ...) and prints medians, ratios and peak memory.

Each run is followed by `sync`, which counts; the outputs of a run are removed
before the next. Memory is the largest RssAnon + RssShmem of the process, seen
by reading /proc every few milliseconds; mapped files are not counted, because
the system can drop them.

usage: measure.py [--runs N] [--remove PATH]... LABEL=COMMAND LABEL=COMMAND ...
The first command is what the others are compared with.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import threading
import time


def children(process_id):
    try:
        with open(f"/proc/{process_id}/task/{process_id}/children") as file:
            found = [int(word) for word in file.read().split()]
    except OSError:
        return []
    return found + [below for child in found for below in children(child)]


def private_kilobytes(process_id):
    total = 0
    try:
        with open(f"/proc/{process_id}/status") as file:
            for line in file:
                if line.startswith(("RssAnon:", "RssShmem:")):
                    total += int(line.split()[1])
    except OSError:
        pass
    return total


def remove(paths):
    for path in paths:
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        elif os.path.lexists(path):
            os.remove(path)


def run(command):
    """Seconds including `sync`, peak private kilobytes."""
    peak, done = 0, threading.Event()
    start = time.monotonic()
    process = subprocess.Popen(command, shell=True, stdout=subprocess.DEVNULL)

    def watch():
        nonlocal peak
        while not done.is_set():
            ids = [process.pid] + children(process.pid)
            peak = max([peak] + [private_kilobytes(number) for number in ids])
            time.sleep(0.004)

    watcher = threading.Thread(target=watch)
    watcher.start()
    status = process.wait()
    done.set()
    os.sync()
    seconds = time.monotonic() - start
    watcher.join()
    if status:
        raise SystemExit(f"status {status}: {command}")
    return seconds, peak


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--remove", action="append", default=[])
    parser.add_argument("commands", nargs="+")
    arguments = parser.parse_args()
    commands = [item.split("=", 1) for item in arguments.commands]
    times = {label: [] for label, _ in commands}
    peaks = {label: 0 for label, _ in commands}
    for turn in range(arguments.runs + 1):
        for label, command in commands:
            remove(arguments.remove)
            os.sync()
            seconds, peak = run(command)
            if turn:  # the first turn warms the cache
                times[label].append(seconds)
                peaks[label] = max(peaks[label], peak)
    remove(arguments.remove)
    first = times[commands[0][0]]
    for label, _ in commands:
        ratios = [a / b for a, b in zip(times[label], first)]
        print(f"{label:24} median {statistics.median(times[label]):8.3f} s"
              f"  ({min(times[label]):.3f} to {max(times[label]):.3f})"
              f"  ratio {statistics.median(ratios):6.2f}  peak {peaks[label] / 1000:8.1f} MB")


if __name__ == "__main__":
    main()
