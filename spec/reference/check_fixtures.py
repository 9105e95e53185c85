#!/usr/bin/env python3
"""Holds the reference reader against the fixtures.

Every file of fixtures/valid must have no finding, and its listing must be that of NAME.mopz.dump.
Every file of fixtures/invalid, named RULE-what.mopz, must break RULE first. Files for CAN rules must
be valid and break RULE when the canonical form is asked for. Every rule that a reader can check must
have a file.
"""

import csv
import os
import sys

import dump_mopz
import read_mopz

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
RULES = os.path.join(ROOT, "spec", "rules.tsv")


def files(folder):
    path = os.path.join(ROOT, "fixtures", folder)
    names = sorted(os.listdir(path)) if os.path.isdir(path) else []
    return [(name, os.path.join(path, name)) for name in names if name.endswith(".mopz")]


def rule_of(name):
    family, number = name.split("-")[:2]
    return f"{family}-{number.removesuffix('.mopz')}"


def found(path, canonical):
    findings = read_mopz.read(path, canonical).findings
    return findings[0].rule if findings else None


def main():
    complaints = []
    valid, invalid = files("valid"), files("invalid")
    for name, path in valid:
        rule = found(path, canonical=False)
        if rule:
            complaints.append(f"valid/{name}: refused with {rule}")
        elif dump_mopz.main(["--check", path]):
            complaints.append(f"valid/{name}.dump: says something else")
    seen = set()
    for name, path in invalid:
        rule = rule_of(name)
        seen.add(rule)
        canonical = rule.startswith("CAN-")
        first = found(path, canonical)
        if first != rule:
            complaints.append(f"invalid/{name}: {first or 'no finding'}")
        if canonical and found(path, canonical=False):
            complaints.append(f"invalid/{name}: is not valid")
    with open(RULES, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    checkable = {row["id"] for row in rows if row["checked_by"] != "writer"}
    complaints += [f"no file for {rule}" for rule in sorted(checkable - seen)]
    complaints += [f"no rule {rule}" for rule in sorted(seen - checkable)]
    for complaint in complaints:
        print(complaint)
    print(f"{len(valid)} valid, {len(invalid)} invalid, {len(rows)} rules, {len(complaints)} wrong")
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()
