#!/usr/bin/env python3
"""Writes the samples into fixtures/valid and fixtures/invalid, and the listings of all valid files.

Other files of those folders are left alone. Running it again changes nothing.
"""

import glob
import os

import dump_mopz
import samples

FIXTURES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "fixtures")


def write(folder, name, data):
    path = os.path.join(FIXTURES, folder)
    os.makedirs(path, exist_ok=True)
    with open(os.path.join(path, f"{name}.mopz"), "wb") as file:
        file.write(data)


def main():
    for name, make in samples.VALID.items():
        write("valid", name, make())
    for rule, name, make in samples.DEFECTS:
        write("invalid", f"{rule}-{name}", make())
    dump_mopz.main(["--write", *sorted(glob.glob(os.path.join(FIXTURES, "valid", "*.mopz")))])
    print(f"{len(samples.VALID)} valid, {len(samples.DEFECTS)} invalid")


if __name__ == "__main__":
    main()
