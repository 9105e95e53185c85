"""Time, memory and bytes of fitted sharing as a family grows, and of adding one adapter to it.

Writes seeded families with a known shared part: four modules, 256 wide, rank 8, where
B = U·M + own·N and A = K·V + own·O with U and V common to all tasks. Converts each with
`--share fit`, verifies it against its sources, and adds one more task with `add --share fit`.
Prints a table in Markdown. Memory is RssAnon + RssShmem.

usage: growth.py MOPCTL DIRECTORY [--tasks 10,100,1000] [--max-error 0.1]      needs numpy
"""

import argparse
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np

import measure
import peft_directory

MODULES, WIDTH, RANK, SHARED_RANK, OWN = 4, 256, 8, 8, 0.2


def module(number):
    return f"model.layers.{number}.self_attn.q_proj"


class Family:
    """Adapters that share subspaces; the same task number gives the same task."""

    def __init__(self):
        generator = np.random.default_rng(0)
        self.spaces = [(generator.standard_normal((WIDTH, SHARED_RANK)),
                        generator.standard_normal((SHARED_RANK, WIDTH))) for _ in range(MODULES)]

    def write(self, directory, task):
        generator = np.random.default_rng([1, task])
        pairs = {}
        for number, (up, down) in enumerate(self.spaces):
            pairs[module(number)] = (
                generator.standard_normal((RANK, SHARED_RANK)) @ down
                + OWN * generator.standard_normal((RANK, WIDTH)),
                up @ generator.standard_normal((SHARED_RANK, RANK))
                + OWN * generator.standard_normal((WIDTH, RANK)))
        peft_directory.write(directory / f"task-{task:04}", pairs, RANK)


def report(command):
    """What a command says of itself, as its JSON object."""
    run = subprocess.run(command + ["--json"], stdout=subprocess.PIPE)
    result = json.loads(run.stdout)
    if run.returncode != 0:
        raise SystemExit(f"{command}: {result['findings']}")
    return result


def row(mopctl, directory, count, error):
    family, sources, extra = Family(), directory / "sources", directory / "extra"
    shutil.rmtree(directory, ignore_errors=True)
    for task in range(count):
        family.write(sources, task)
    family.write(extra, count)
    shared, plain = directory / "shared.mopz", directory / "plain.mopz"
    fit = ["--share", "fit", "--max-error", str(error), "--type", "f32"]
    said = directory / "said.json"
    seconds, peak = measure.run(
        " ".join([mopctl, "convert", str(sources), "-o", str(shared), *fit, "--json", ">", str(said)]))
    found = json.loads(said.read_text())
    report([mopctl, "verify", str(shared), "--against", str(sources)])
    shutil.copy(shared, directory / "grown.mopz")
    add = [mopctl, "add", str(directory / "grown.mopz"), str(extra / f"task-{count:04}"), *fit]
    adding, adding_peak = measure.run(" ".join(add) + " -q")
    report([mopctl, "verify", str(directory / "grown.mopz"), "--against", str(extra)])
    grown = (directory / "grown.mopz").stat().st_size - shared.stat().st_size
    plain_bytes = report([mopctl, "convert", str(sources), "-o", str(plain)])["file_bytes"]
    truncated = found["sharing"]["truncated_bytes"]
    return (
        f"| {count:,} | {plain_bytes / 1e6:.2f} MB | {found['file_bytes'] / 1e6:.2f} MB"
        f" | {found['file_bytes'] / plain_bytes:.1%}"
        f" | {found['sharing']['bytes_after'] / truncated:.1%}"
        f" | {seconds:.1f} s | {1000 * seconds / count:.0f} ms | {peak / 1000:.0f} MB"
        f" | {adding * 1000:.0f} ms, {adding_peak / 1000:.0f} MB, {grown / 1000:.1f} kB |")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mopctl")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--tasks", default="10,100,1000")
    parser.add_argument("--max-error", type=float, default=0.1)
    arguments = parser.parse_args()
    print("| tasks | plain | fitted | of plain | of truncation | time | a task | memory | adding one |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |")
    for count in arguments.tasks.split(","):
        print(row(arguments.mopctl, arguments.directory, int(count), arguments.max_error), flush=True)


if __name__ == "__main__":
    main()
