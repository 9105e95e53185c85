"""Draws bytes against error of ways to share, as SVG."""

import math

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


def points(results, method):
    """(share of the source's bytes, mean squared error), by rising bytes."""
    found = []
    for result in results:
        for row in result["methods"]:
            if row["method"] == method and row["mean_squared_error"]:
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

    def ticks(self, span, steps):
        """Some multiples of powers of ten within a span."""
        exponents = range(math.floor(span[0]), math.ceil(span[1]) + 1)
        all_ticks = [step * 10.0**power for power in exponents for step in steps]
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
    for tick in axes.ticks(axes.x, (1, 1.5, 2, 3, 5, 7)):
        x = axes.place(tick, 10 ** axes.y[0])[0]
        parts.append(f'<path d="M{x:.1f} {y0:.1f}V{y1:.1f}" stroke="#e4e4e4"/>')
        parts.append(text(x, y0 + 14, f"{100 * tick:g} %", size=9))
    for tick in axes.ticks(axes.y, (1, 2, 5)):
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


def write(families, path):
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
    parts.append(text(width / 2, base - 4, "to the right: bytes, as a share of the sources' factors;"
                      " upwards: mean squared relative error", size=11))
    for number, (name, colour, dashes) in enumerate(SHOWN):
        x, y = 20 + number % 3 * (width / 3), base + 18 + number // 3 * 16
        parts.append(f'<path d="M{x:.1f} {y - 4:.1f}h24" stroke="{colour}" stroke-width="2"'
                     f' stroke-dasharray="{dashes}"/>')
        parts.append(text(x + 30, y, name, "start", 10))
    parts.append("</svg>")
    with open(path, "w") as file:
        file.write("\n".join(parts) + "\n")
