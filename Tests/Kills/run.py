#!/usr/bin/env python3
"""Kills mopctl at random times, again and again, and verifies what is left.

usage: run.py MOPCTL [ROUNDS] [SEED]

Each round runs one command (add, add --replace, remove, compact, convert --force, or merge
--force), kills it with SIGKILL after a random part of the time that it takes, and looks at the
output: a container verifies and holds the tasks from before or those from after, a merged
checkpoint is the old one or the new one, byte for byte. Every tenth round is not killed, so that
the file grows and shrinks. Standard library only.
"""

import hashlib
import json
import os
import random
import signal
import struct
import subprocess
import sys
import tempfile
import time


def adapter(path, seed, modules=60, rank=16, width=512):
    """A LoRA of random Float32 factors, about 4 MB."""
    rng = random.Random(seed)
    os.makedirs(path)
    header, data, offset = {}, [], 0
    for module in range(modules):
        for side, shape in (("A", (rank, width)), ("B", (width, rank))):
            count = shape[0] * shape[1]
            # Half of the blocks are the same in every adapter.
            source = random.Random(module) if module % 2 else rng
            data.append(struct.pack("<8f", *(source.uniform(-1, 1) for _ in range(8))) * (count // 8))
            name = f"base_model.model.model.layers.{module}.self_attn.q_proj.lora_{side}.weight"
            header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [offset, offset + 4 * count]}
            offset += 4 * count
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(f"{path}/adapter_model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(data))
    with open(f"{path}/adapter_config.json", "w") as file:
        json.dump({"peft_type": "LORA", "r": rank, "lora_alpha": rank, "target_modules": ["q_proj"]}, file)


def base(path, modules=60, width=512):
    """A model of as many square weights, about 60 MB."""
    os.makedirs(path)
    header, offset, size = {}, 0, 4 * width * width
    for module in range(modules):
        header[f"model.layers.{module}.self_attn.q_proj.weight"] = {
            "dtype": "F32", "shape": (width, width), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(f"{path}/model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for module in range(modules):
            row = struct.pack("<4f", *(random.Random(1000 + module).uniform(-1, 1) for _ in range(4)))
            file.write(row * (size // 16))


class Rounds:
    def __init__(self, mopctl, folder, seed):
        self.mopctl, self.folder, self.rng = mopctl, folder, random.Random(seed)
        self.kills = self.survived = self.old = self.new = 0
        self.tasks = {"a0", "a1"}
        self.merged = None
        self.times = {}
        self.done("convert", "a0", "a1", "-o", "x.mopz")

    def done(self, *arguments):
        """Runs a command that has to succeed, and gives its object."""
        run = subprocess.run([self.mopctl, *arguments, "--json"], cwd=self.folder, capture_output=True)
        if run.returncode:
            sys.exit(f"{arguments}: status {run.returncode}\n{run.stdout.decode()}{run.stderr.decode()}")
        return json.loads(run.stdout)

    def choose(self):
        """A command line, and the tasks afterwards; None where the output is a checkpoint."""
        free = [f"a{k}" for k in range(8) if f"a{k}" not in self.tasks]
        have = sorted(self.tasks)
        kinds = ["compact", "merge"] + ["add"] * 3 * bool(free) + ["remove", "replace"] * bool(have)
        kinds += ["convert"]
        kind = self.rng.choice(kinds)
        if kind == "add":
            names = self.rng.sample(free, self.rng.randint(1, len(free)))
            return kind, ["add", "x.mopz", *names], self.tasks | set(names)
        if kind == "remove":
            names = self.rng.sample(have, self.rng.randint(1, len(have)))
            return kind, ["remove", "x.mopz", *names], self.tasks - set(names)
        if kind == "replace":
            return kind, ["add", "x.mopz", self.rng.choice(have), "--replace"], set(self.tasks)
        if kind == "compact":
            return kind, ["compact", "x.mopz"], set(self.tasks)
        if kind == "convert":
            names = self.rng.sample([f"a{k}" for k in range(8)], 3)
            return kind, ["convert", *names, "-o", "x.mopz", "--force"], set(names)
        task = self.rng.choice(["a6", "a7"])
        return kind, ["merge", "--base", "base", "--adapter", task, "-o", "merged", "--force"], None

    def digest(self):
        """The hash of the merged checkpoint's weights; None if there is none."""
        path = f"{self.folder}/merged/model.safetensors"
        if not os.path.exists(path):
            return None
        with open(path, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()

    def round(self, number):
        kind, arguments, after = self.choose()
        typical = self.times.get(kind, 0.3)
        start = time.monotonic()
        process = subprocess.Popen(
            [self.mopctl, *arguments, "-q"], cwd=self.folder, stderr=subprocess.PIPE)
        killed = False
        if number % 10:
            try:
                process.wait(self.rng.uniform(0, 1.1 * typical))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                killed = True
        message = process.communicate()[1].decode()
        if not killed:
            self.times[kind] = time.monotonic() - start
            if process.returncode:
                sys.exit(f"{arguments}: status {process.returncode}: {message}")
        self.kills += killed
        self.survived += not killed
        self.check(arguments, after, killed)
        for name in os.listdir(self.folder):
            if ".mopz-tmp-" in name:
                if not killed:
                    sys.exit(f"{arguments}: left {name} behind")
                subprocess.run(["rm", "-r", f"{self.folder}/{name}"], check=True)

    def check(self, arguments, after, killed):
        if after is None:
            digest = self.digest()
            if arguments[4] not in self.expected:
                self.expected[arguments[4]] = self.reference(arguments[4])
            allowed = {self.expected[arguments[4]]} | ({self.merged} if killed else set())
            if digest not in allowed:
                sys.exit(f"{arguments}: the merged checkpoint is neither the old one nor the new one")
            self.old += digest == self.merged
            self.new += digest != self.merged
            self.merged = digest
            return
        self.done("verify", "x.mopz")
        names = {task["name"] for task in self.done("inspect", "x.mopz")["tasks"]}
        if names != after and not (killed and names == self.tasks):
            sys.exit(f"{arguments}: found the tasks {names}, before {self.tasks}, after {after}")
        self.old += names != after
        self.new += names == after
        self.tasks = names

    def reference(self, task):
        self.done("merge", "--base", "base", "--adapter", task, "-o", f"reference-{task}")
        path = f"{self.folder}/reference-{task}/model.safetensors"
        with open(path, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 400
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    with tempfile.TemporaryDirectory(prefix="mopz-kills-") as folder:
        for number in range(8):
            adapter(f"{folder}/a{number}", number)
        base(f"{folder}/base")
        run = Rounds(os.path.abspath(sys.argv[1]), folder, seed)
        run.expected = {}
        for number in range(rounds):
            run.round(number)
        # What is left is, compacted, what a conversion of the same tasks gives.
        run.done("compact", "x.mopz")
        if run.tasks:
            run.done("convert", *sorted(run.tasks), "-o", "fresh.mopz")
            with open(f"{folder}/x.mopz", "rb") as a, open(f"{folder}/fresh.mopz", "rb") as b:
                if a.read() != b.read():
                    sys.exit("the compacted file is not what a conversion gives")
    print(f"{rounds} rounds, {run.kills} of them killed: {run.new} have the output after the command, "
          f"{run.old} the one before; all whole (seed {seed})")


if __name__ == "__main__":
    main()
