"""Bytes against error of fitted sharing, and a plot of it.

Runs `mopctl ablate` on families of adapters at several bounds, so that every way of sharing
gets the same bytes and the same stored type, prints a table, and draws a plot as SVG. With
a directory of train_families.py the model runs, too, and perplexities on held-out tokens are
compared with those of the sources.

usage: sharing.py [--mopctl PATH] [--errors 0.3,0.1,0.03] [--type f32] [--plot OUT.svg]
                  [--json OUT.json] [--trained DIRECTORY] [NAME=PATH,PATH…]…

Needs Python's standard library alone.
"""

import argparse
import json
import math
import os
import subprocess
import sys

# What the plot shows: the method, its colour, its dashes.
SHOWN = [
    ("ours", "#1b6ca8", ""),
    ("truncated SVD, ranks by water-filling", "#444444", ""),
    ("truncated SVD", "#999999", "2 3"),
    ("JD-Full", "#c2571a", ""),
    ("JD-Full in clusters", "#c2571a", "6 3"),
    ("JD-Diag", "#d9a441", "2 3"),
    ("pure sharing", "#7a4f9a", "2 3"),
]


def ablate(mopctl, family, sources, error, kind, base, tokens):
    """One run of `mopctl ablate` as its JSON object."""
    command = [mopctl, "ablate", *sources, "--max-error", str(error), "--type", kind, "--json"]
    if base:
        command += ["--base", base, "--tokens", tokens]
    run = subprocess.run(command, stdout=subprocess.PIPE)
    result = json.loads(run.stdout)
    if run.returncode != 0:
        sys.exit(f"{family}: {[finding['message'] for finding in result['findings']]}")
    return result


def trained(directory):
    """The families of train_families.py: sources, base and tokens."""
    families = {}
    for name in sorted(os.listdir(os.path.join(directory, "families"))):
        path = os.path.join(directory, "families", name)
        families[name] = (
            [path], os.path.join(directory, "base"), os.path.join(directory, "tokens", name))
    return families


def table(family, results):
    """The lines of one family: bytes, squared error, perplexity, at each bound."""
    lines = [f"\n{family}: {len(results[0]['tasks'])} tasks, {results[0]['source_bytes']:,} bytes"]
    for result in results:
        ours = result["methods"][0]["mean_squared_error"]
        original = result["source_perplexity"]
        lines.append(f"  all ways with {result['budget']:,} bytes, values in {result['type']}")
        for row in result["methods"]:
            error = row["mean_squared_error"]
            line = f"    {row['method']:38} {error:9.2e}"
            line += f" {100 * ours / error:7.1f} %" if error > 0 else " " * 10
            if original and row["perplexity"]:
                line += f"   perplexity {row['perplexity']:8.4f}"
                line += f" ({100 * (row['perplexity'] / original - 1):+.3f} %)"
            lines.append(line)
        for name in result["absent"]:
            lines.append(f"    {name:38} nothing fits")
        if original:
            lines.append(f"    the sources themselves{'':39}   perplexity {original:8.4f}")
    return lines


def points(results, method):
    """(share of the source's bytes, mean squared error), by rising bytes."""
    found = []
    for result in results:
        for row in result["methods"]:
            if row["method"] == method and row["mean_squared_error"] > 0:
                found.append((row["bytes"] / result["source_bytes"], row["mean_squared_error"]))
    return sorted(found)


class Panel:
    """The axes of one family: bytes to the right, error upwards, both logarithmic."""

    WIDTH, HEIGHT, MARGIN = 340, 250, 46

    def __init__(self, results, left, top):
        found = [point for name, _, _ in SHOWN for point in points(results, name)]
        self.left, self.top = left, top
        self.x = self.span([x for x, _ in found])
        self.y = self.span([y for _, y in found])

    @staticmethod
    def span(values):
        low, high = math.log10(min(values)), math.log10(max(values))
        pad = max(0.06 * (high - low), 0.05)
        return low - pad, high + pad

    def place(self, x, y):
        width, height = self.WIDTH - 2 * self.MARGIN, self.HEIGHT - 2 * self.MARGIN
        right = (math.log10(x) - self.x[0]) / (self.x[1] - self.x[0])
        up = (math.log10(y) - self.y[0]) / (self.y[1] - self.y[0])
        return self.left + self.MARGIN + right * width, self.top + self.HEIGHT - self.MARGIN - up * height

    def ticks(self, span):
        """1, 2 and 5 times powers of ten within a span."""
        exponents = range(math.floor(span[0]), math.ceil(span[1]) + 1)
        all_ticks = [step * 10.0**power for power in exponents for step in (1, 2, 5)]
        return [tick for tick in all_ticks if span[0] <= math.log10(tick) <= span[1]]


def text(x, y, words, anchor="middle", size=11, extra=""):
    words = words.replace("&", "&amp;").replace("<", "&lt;")
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}"{extra}>'
            f"{words}</text>")


def panel(family, results, left, top):
    """One family as SVG."""
    axes = Panel(results, left, top)
    x0, y0 = left + axes.MARGIN, top + axes.HEIGHT - axes.MARGIN
    x1, y1 = left + axes.WIDTH - axes.MARGIN, top + axes.MARGIN
    parts = [text((x0 + x1) / 2, top + 24, family, size=13)]
    for tick in axes.ticks(axes.x):
        x = axes.place(tick, 10 ** axes.y[0])[0]
        parts.append(f'<path d="M{x:.1f} {y0:.1f}V{y1:.1f}" stroke="#e4e4e4"/>')
        parts.append(text(x, y0 + 14, f"{100 * tick:g} %", size=9))
    for tick in axes.ticks(axes.y):
        y = axes.place(10 ** axes.x[0], tick)[1]
        parts.append(f'<path d="M{x0:.1f} {y:.1f}H{x1:.1f}" stroke="#e4e4e4"/>')
        parts.append(text(x0 - 5, y + 3, f"{tick:.0e}".replace("e-0", "e-"), "end", 9))
    parts.append(f'<path d="M{x0} {y1}V{y0}H{x1}" fill="none" stroke="#333"/>')
    for name, colour, dashes in SHOWN:
        line = [axes.place(x, y) for x, y in points(results, name)]
        if not line:
            continue
        path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in line)
        width = 2.4 if name == "ours" else 1.3
        parts.append(f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{width}"'
                     f' stroke-dasharray="{dashes}"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.4" fill="{colour}"/>' for x, y in line]
    return parts


def plot(families, path):
    """All families beside one another, and what the lines are, as an SVG file."""
    columns = min(len(families), 2)
    rows = -(-len(families) // columns)
    width, height = columns * Panel.WIDTH, rows * Panel.HEIGHT + 64
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
             f' width="{width}" height="{height}" font-family="sans-serif" fill="#222">',
             f'<rect width="{width}" height="{height}" fill="#fff"/>']
    for number, (family, results) in enumerate(families.items()):
        parts += panel(
            family, results, number % columns * Panel.WIDTH, number // columns * Panel.HEIGHT)
    base = rows * Panel.HEIGHT
    parts.append(text(width / 2, base - 4, "bytes, share of the sources' factors;"
                      " upwards the mean squared relative error", size=11))
    for number, (name, colour, dashes) in enumerate(SHOWN):
        x, y = 20 + number % 3 * (width / 3), base + 18 + number // 3 * 16
        parts.append(f'<path d="M{x:.1f} {y - 4:.1f}h24" stroke="{colour}" stroke-width="2"'
                     f' stroke-dasharray="{dashes}"/>')
        parts.append(text(x + 30, y, name, "start", 10))
    parts.append("</svg>")
    with open(path, "w") as file:
        file.write("\n".join(parts) + "\n")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("families", nargs="*", metavar="NAME=PATH,PATH…")
    parser.add_argument("--mopctl", default=".build/release/mopctl")
    parser.add_argument("--errors", default="0.3,0.1,0.03")
    parser.add_argument("--type", default="f32", choices=["f32", "bf16", "int8"])
    parser.add_argument("--trained", help="what train_families.py wrote")
    parser.add_argument("--plot")
    parser.add_argument("--json")
    arguments = parser.parse_args()
    families = {}
    for argument in arguments.families:
        name, _, paths = argument.partition("=")
        families[name] = (paths.split(","), None, None)
    if arguments.trained:
        families.update(trained(arguments.trained))
    if not families:
        parser.error("no family is given")
    results = {}
    for name, (sources, base, tokens) in families.items():
        results[name] = [
            ablate(arguments.mopctl, name, sources, float(error), arguments.type, base, tokens)
            for error in arguments.errors.split(",")]
        print("\n".join(table(name, results[name])), flush=True)
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump(results, file, indent=1)
    if arguments.plot:
        plot(results, arguments.plot)


if __name__ == "__main__":
    main()
