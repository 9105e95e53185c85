"""Families of dense adapters that were made from pools, with and without `--share exact`.

Writes PEFT directories from seeded numbers, as trainings with shared pairs save them, converts
each family both ways, exports every task again and compares the files byte for byte. Prints a
table: bytes of the sources, of the container without and with pools, what pools were found. All
figures are sizes, so they are the same on every machine.

usage: exact_sharing.py MOPCTL DIRECTORY      needs numpy
"""

import filecmp
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

from peft_directory import write

LAYERS, INPUTS, OUTPUTS, RANK = 16, 1024, 1024, 16
PROJECTIONS = ["q_proj", "v_proj"]


def module(layer, projection):
    return f"model.layers.{layer}.self_attn.{projection}"


def assembled(pool, table, rank):
    """Vectors whose chunks a table takes from a pool."""
    return pool[table].reshape(rank, -1)


class Mixture:
    """A mixture of shards: e ranks' worth of shards per layer, of which p belong to it alone."""

    def __init__(self, generator, chunks, equivalent=4, private=1):
        self.generator, self.chunks, self.private = generator, chunks, private
        self.public = (equivalent - private) * LAYERS * chunks
        count = equivalent * LAYERS * chunks
        self.pools = {projection: (generator.standard_normal((count, INPUTS // chunks)),
                                   generator.standard_normal((count, OUTPUTS // chunks))) for projection in PROJECTIONS}

    def table(self, layer):
        chosen = self.generator.permutation(self.public)[:(RANK - self.private) * self.chunks]
        own = self.public + layer * self.private * self.chunks + np.arange(self.private * self.chunks)
        return np.concatenate([chosen, own])

    def pairs(self):
        return {module(layer, projection): (assembled(down, self.table(layer), RANK),
                                            assembled(up, self.table(layer), RANK).T)
                for projection, (down, up) in self.pools.items() for layer in range(LAYERS)}


def mixture(chunks, tasks=1):
    def make(generator):
        mixture = Mixture(generator, chunks)
        return [mixture.pairs() for _ in range(tasks)]
    return make


def rotated(generator, chunks=4):
    """PRoLoRA: the chunks of a row are the rows of one narrow matrix, turned."""
    pairs = {}
    for layer in range(LAYERS):
        for projection in PROJECTIONS:
            sides = []
            for width in (INPUTS, OUTPUTS):
                narrow = generator.standard_normal((RANK, width // chunks))
                table = (np.arange(RANK)[:, None] + np.arange(chunks) * (RANK // chunks)) % RANK
                sides.append(assembled(narrow, table, RANK))
            pairs[module(layer, projection)] = (sides[0], sides[1].T)
    return [pairs]


def tied(generator):
    """VeRA's A: one for all modules, cut to the width of each; B is each module's own."""
    widths = [INPUTS, 3 * INPUTS // 4, INPUTS // 2]
    down = generator.standard_normal((RANK, INPUTS))
    return [{module(layer, projection): (down[:, :widths[layer % 3]], generator.standard_normal((OUTPUTS, RANK)))
             for layer in range(LAYERS) for projection in PROJECTIONS}]


def frozen(generator, tasks=8):
    """Equal A in all tasks, as where only B is trained: equal tensors, which need no pool."""
    downs = {(layer, projection): generator.standard_normal((RANK, INPUTS))
             for layer in range(LAYERS) for projection in PROJECTIONS}
    return [{module(*key): (down, generator.standard_normal((OUTPUTS, RANK))) for key, down in downs.items()}
            for _ in range(tasks)]


def blocks(generator):
    """Fused projections: B is block-diagonal, half of it zeros."""
    def up():
        matrix = generator.standard_normal((OUTPUTS, RANK))
        matrix[:OUTPUTS // 2, RANK // 2:] = matrix[OUTPUTS // 2:, :RANK // 2] = 0
        return matrix
    return [{module(layer, "qv_proj"): (generator.standard_normal((RANK, INPUTS)), up()) for layer in range(LAYERS)}]


def independent(generator, tasks=4):
    return [{module(layer, projection): (generator.standard_normal((RANK, INPUTS)),
                                         generator.standard_normal((OUTPUTS, RANK)))
             for layer in range(LAYERS) for projection in PROJECTIONS} for _ in range(tasks)]


FAMILIES = {
    "mixture of shards, l = 1": mixture(1),
    "mixture of shards, l = 2": mixture(2),
    "mixture of shards, l = 4": mixture(4),
    "8 tasks from one mixture, l = 4": mixture(4, tasks=8),
    "PRoLoRA, 4 chunks": rotated,
    "VeRA's A, cut to 3 widths": tied,
    "block-diagonal B": blocks,
    "frozen A, 8 tasks": frozen,
    "independent, 4 tasks": independent,
}


def convert(mopctl, sources, output, *options):
    return json.loads(subprocess.run([mopctl, "convert", sources, "-o", output, "--force", "--json", *options],
                                     check=True, capture_output=True).stdout)


def exports_identically(mopctl, sources, container, scratch):
    for source in sorted(sources.iterdir()):
        shutil.rmtree(scratch, ignore_errors=True)
        subprocess.run([mopctl, "export", container, "--task", source.name, "--to", "peft", "-o", scratch, "-q"],
                       check=True)
        names = ["adapter_model.safetensors", "adapter_config.json"]
        if filecmp.cmpfiles(source, scratch, names, shallow=False)[0] != names:
            return False
    return True


def main(mopctl, directory):
    shutil.rmtree(directory, ignore_errors=True)
    print("| family | tensors | plain .mopz | --share exact | | pools | public + private shards | exported |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |")
    failures = 0
    for number, (name, make) in enumerate(FAMILIES.items()):
        sources = directory / f"family-{number}"
        for task, pairs in enumerate(make(np.random.default_rng(number))):
            write(sources / f"task-{task}", pairs, RANK)
        plain = convert(mopctl, sources, directory / "plain.mopz")
        shared = convert(mopctl, sources, directory / "shared.mopz", "--share", "exact")
        sharing = shared["sharing"]
        same = exports_identically(mopctl, sources, directory / "shared.mopz", directory / "export")
        equal = filecmp.cmp(directory / "plain.mopz", directory / "shared.mopz", shallow=False)
        failures += not same or shared["file_bytes"] > plain["file_bytes"] or (not sharing["pools"]) != equal
        print(f"| {name} | {plain['source_bytes'] / 1e6:.2f} MB | {plain['file_bytes'] / 1e6:.2f} MB | "
              f"{shared['file_bytes'] / 1e6:.2f} MB | {shared['file_bytes'] / plain['file_bytes']:.1%} | "
              f"{len(sharing['pools'])} | {sharing['public_shards']} + {sharing['private_shards']} | "
              f"{'identical' if same else 'DIFFERENT'} |", flush=True)
        shutil.rmtree(sources)
    return failures


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__.split("\n\n")[-1].strip())
    sys.exit(main(str(Path(sys.argv[1]).resolve()), Path(sys.argv[2])) > 0)
