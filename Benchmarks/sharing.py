"""Bytes against error of fitted sharing, beside published ways: tables and a plot.

Runs `mopctl ablate` on families of adapters at several bounds, so that every way of sharing is
measured at equal error and at equal bytes of equal type, and prints Markdown: a summary, then
every way on every family. With a directory of train_families.py the model runs, too, and
perplexities on held-out tokens are compared with those of the sources.

usage: sharing.py [--mopctl PATH] [--errors 0.3,0.1,0.03] [--types f32,int8] [--plot OUT.svg]
                  [--json OUT.json] [--trained DIRECTORY] [--real DIRECTORY] [NAME=PATH,PATH…]…

Types after the first, and our fit without its means, are measured at the middle bound alone. --real takes a directory that
holds the published adapters listed in REAL. Needs Python's standard library alone.
"""

import argparse
import json
import os
import subprocess
import sys

import sharing_plot

# Published adapters: checkpoints of one run, and independent adapters of one base.
REAL = {
    "roberta, checkpoints of one run": [f"roberta-portuguese-checkpoint-{n}" for n in (500, 2000, 5000, 8000, 8610)],
    "roberta, two checkpoints": ["roberta-mrpc-checkpoint-230", "roberta-mrpc-checkpoint-460"],
    "roberta, independent": [
        "roberta-portuguese-checkpoint-8610", "roberta-mrpc-checkpoint-460", "roberta-agnews-bias-all"],
}
ABLATIONS = "without "


def ablate(mopctl, family, sources, error, kind, base, tokens, has_means):
    """One run of `mopctl ablate` as its JSON object."""
    command = [mopctl, "ablate", *sources, "--max-error", str(error), "--type", kind, "--json"]
    if not has_means:
        command.append("--skip-means")
    if base:
        command += ["--base", base, "--tokens", tokens]
    run = subprocess.run(command, stdout=subprocess.PIPE)
    result = json.loads(run.stdout)
    if run.returncode != 0:
        sys.exit(f"{family}: {[finding['message'] for finding in result['findings']]}")
    result["bound"] = error
    return result


def trained(directory):
    """The families of train_families.py: sources, base and tokens."""
    families = {}
    for name in sorted(os.listdir(os.path.join(directory, "families"))):
        path = os.path.join(directory, "families", name)
        families[f"trained, {name}"] = (
            [path], os.path.join(directory, "base"), os.path.join(directory, "tokens", name))
    return families


def share(ours, other):
    return f"{ours / other:.1%}" if ours is not None and other else ""


def best(rows, key):
    """The best published way by a key; nil if none has a value."""
    found = [row for row in rows if row["method"] != "ours" and not row["method"].startswith(ABLATIONS)
             and row[key] is not None]
    return min(found, key=lambda row: row[key]) if found else None


def summary(families):
    """Ours beside the best published way, a line for each family, bound and type."""
    lines = [
        "| family | type | bound | ours, of the sources | best other at the bound | ours of it"
        " | best other at equal bytes | our squared error of its | perplexity, ours | best other's |",
        "| --- | --- | ---: | ---: | --- | ---: | --- | ---: | ---: | ---: |"]
    for family, results in families.items():
        for result in results:
            ours = result["methods"][0]
            smallest, closest = best(result["methods"], "bytes_at_bound"), best(result["methods"], "mean_squared_error")
            cells = [family, result["type"], f"{result['bound']:g}",
                     f"{result['budget'] / result['source_bytes']:.1%}"]
            for other, key in [(smallest, "bytes_at_bound"), (closest, "mean_squared_error")]:
                cells += [other["method"], share(ours[key], other[key])] if other else ["none", ""]
            cells += [change(ours, result), change(closest, result) if closest else ""]
            lines.append("| " + " | ".join(cells) + " |")
    return lines


def change(row, result):
    """How a way changes the perplexity on held-out tokens."""
    original = result["source_perplexity"]
    if not original or not row["perplexity"]:
        return ""
    return f"{row['perplexity'] / original - 1:+.2%}"


def table(family, results):
    """Every way on one family."""
    tasks, size = len(results[0]["tasks"]), results[0]["source_bytes"]
    lines = [f"\n### {family}\n", f"{tasks} tasks, {size / 1e6:.2f} MB of factors.\n"]
    original = results[0]["source_perplexity"]
    if original:
        lines[-1] += f"Perplexity with the sources themselves: {original:.4f}.\n"
    for result in results:
        ours = result["methods"][0]
        lines += [
            f"\nError at most {result['bound']:g}, values in {result['type']}; equal bytes are"
            f" {result['budget']:,}.\n",
            "| way | bytes at the bound | ours of it | squared error at equal bytes | ours of it | worst task |"
            + (" perplexity |" if original else ""),
            "| --- | ---: | ---: | ---: | ---: | ---: |" + (" ---: |" if original else "")]
        for row in result["methods"]:
            at_bound, error = row["bytes_at_bound"], row["mean_squared_error"]
            cells = [row["method"], f"{at_bound:,}" if at_bound is not None else "never",
                     share(ours["bytes_at_bound"], at_bound),
                     f"{error:.2e}" if error is not None else "nothing fits",
                     share(ours["mean_squared_error"], error),
                     f"{row['max_error']:.3f}" if row["max_error"] is not None else ""]
            lines.append("| " + " | ".join(cells + ([change(row, result)] if original else [])) + " |")
    return lines


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("families", nargs="*", metavar="NAME=PATH,PATH…")
    parser.add_argument("--mopctl", default=".build/release/mopctl")
    parser.add_argument("--errors", default="0.3,0.1,0.03")
    parser.add_argument("--types", default="f32")
    parser.add_argument("--trained", help="what train_families.py wrote")
    parser.add_argument("--real", help="published adapters")
    parser.add_argument("--plot")
    parser.add_argument("--json")
    arguments = parser.parse_args()
    families = {}
    for argument in arguments.families:
        name, _, paths = argument.partition("=")
        families[name] = (paths.split(","), None, None)
    if arguments.real:
        for name, folders in REAL.items():
            families[name] = ([os.path.join(arguments.real, folder) for folder in folders], None, None)
    if arguments.trained:
        families.update(trained(arguments.trained))
    if not families:
        parser.error("no family is given")
    errors, types = [float(error) for error in arguments.errors.split(",")], arguments.types.split(",")
    middle = errors[len(errors) // 2]
    runs = [(error, types[0]) for error in errors] + [(middle, kind) for kind in types[1:]]
    results = {}
    for name, (sources, base, tokens) in families.items():
        results[name] = []
        for error, kind in runs:
            print(f"{name}: {error} {kind}", file=sys.stderr, flush=True)
            results[name].append(
                ablate(arguments.mopctl, name, sources, error, kind, base, tokens, (error, kind) == (middle, types[0])))
    print("\n".join(summary(results)))
    for name, found in results.items():
        print("\n".join(table(name, found)))
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump(results, file, indent=1)
    if arguments.plot:
        sharing_plot.write({name: [r for r in found if r["type"] == types[0]] for name, found in results.items()},
                           arguments.plot)


if __name__ == "__main__":
    main()
