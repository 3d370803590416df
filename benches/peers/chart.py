"""The picture of a run: three panels of bars, readable on light and dark ground."""

from html import escape

LABELS, WIDTH, GAP, ROW, TOP = 140, 230, 50, 26, 70

STYLE = """
svg { font: 13px system-ui, sans-serif; }
.ground { fill: #ffffff; } text { fill: #24292f; } .quiet { fill: #57606a; font-size: 12px; }
.bar { fill: #8c959f; } .ours { fill: #0969da; } .broker { fill: #d0d7de; } .whisker { stroke: #24292f; stroke-width: 1.2; }
.title { font-weight: 600; }
@media (prefers-color-scheme: dark) {
.ground { fill: #0d1117; } text { fill: #e6edf3; } .quiet { fill: #9198a1; }
.bar { fill: #6e7681; } .ours { fill: #4493f8; } .broker { fill: #30363d; } .whisker { stroke: #e6edf3; }
}
"""


def label(x, y, text, kind="", anchor="start"):
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{escape(text)}</text>'


def bar(x, y, width, kind):
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.5):.1f}" height="{ROW - 10}" class="{kind}" rx="2"/>'


def whisker(start, y, low, high):
    middle = y + (ROW - 10) / 2
    return f'<path class="whisker" fill="none" d="M{start + low:.1f} {middle:.1f}H{start + high:.1f}"/>'


def panel(position, title, unit, names, values):
    """One panel. `values` of a name: the parts of its bar (length, class), and the interval of the whole or none."""
    left = LABELS + position * (WIDTH + GAP)
    longest = max(max(sum(length for length, _ in parts), *(span or (0, 0))) for parts, span in values.values())
    scale = (WIDTH - 45) / longest
    lines = [label(left, 26, title, "title"), label(left, 46, unit, "quiet")]
    for place, name in enumerate(names):
        y, x = TOP + place * ROW, left
        parts, span = values[name]
        for length, kind in parts:
            lines.append(bar(x, y, length * scale, kind))
            x += length * scale
        end = x
        if span:
            lines.append(whisker(left, y, span[0] * scale, span[1] * scale))
            end = max(x, left + span[1] * scale)
        lines.append(label(end + 5, y + 13, f"{sum(length for length, _ in parts):,.0f}", "quiet"))
    return lines


def picture(run):
    names = run.fastest_first(64)
    kind = {name: "ours" if name == "fibrpcd" else "bar" for name in names}
    many = {name: run.series(name, 64) for name in names}
    one = {name: run.series(name, 1) for name in names}
    lines = []
    for place, name in enumerate(names):
        lines.append(label(LABELS - 10, TOP + place * ROW + 13, name, "title" if name == "fibrpcd" else "", "end"))
    rates = {
        name: ([(series.median("calls_per_second"), kind[name])], series.interval("calls_per_second"))
        for name, series in many.items()
    }
    times = {name: ([(series.median("p50"), kind[name])], series.interval("p50")) for name, series in one.items()}
    costs = {
        name: ([(series.median("server"), kind[name]), (series.median("broker"), "broker")], None)
        for name, series in many.items()
    }
    lines += panel(0, "Calls per second", "64 in flight; more is better", names, rates)
    lines += panel(1, "Time of a call (median)", "us, one in flight; less is better", names, times)
    lines += panel(2, "CPU of a call", "us, 64 in flight: server, then broker (pale)", names, costs)
    width, height = LABELS + 3 * WIDTH + 2 * GAP + 20, TOP + len(names) * ROW + 30
    machine = run.run["machine"]
    where = f"{machine['cpu']}, {machine['cores']} cores, {machine['broker']}, {machine['date']}; lines are 95 % intervals"
    where += "; preliminary, on a busy machine" if run.is_preliminary() else ""
    lines.append(label(LABELS, height - 12, where, "quiet"))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-label="Calls per second, time of a call and CPU of a call, of fibrpcd and servers in other languages">\n'
        f'<style>{STYLE}</style>\n<rect class="ground" width="{width}" height="{height}" rx="6"/>\n' + "\n".join(lines) + "\n</svg>\n"
    )
