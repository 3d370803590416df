"""The table of a run, in Markdown."""

import statistics

from chart import picture
from figures import Series

BASE = {"queue": "transient", "prefetch": 100, "servers": 1, "tls": False}
QUEUES = {"transient": "classic", "quorum": "quorum"}
# From this part of the machine on that others took meanwhile, the figures are not to be relied on.
BUSY = 0.03


class Run:
    """The rows of a run, by program and case."""

    def __init__(self, run):
        self.run = run
        self.rows = {}
        for row in run["rows"]:
            key = (row["program"], row["queue"], row["prefetch"], row["servers"], row["tls"], row["in_flight"])
            self.rows.setdefault(key, []).append(row)

    def series(self, program, in_flight, **other):
        case = BASE | other
        key = (program, case["queue"], case["prefetch"], case["servers"], case["tls"], in_flight)
        return Series(self.rows[key]) if key in self.rows else None

    def fastest_first(self, in_flight):
        names = [name for name in self.run["programs"] if self.series(name, in_flight)]
        return sorted(names, key=lambda name: -self.series(name, in_flight).median("calls_per_second"))

    def other_work(self):
        return statistics.median(row["other_work"] for row in self.run["rows"])

    def is_preliminary(self):
        return self.other_work() > BUSY


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def ratio(parts):
    return "{:.2f} ({:.2f} to {:.2f})".format(*parts)


def duration(us):
    return f"{us / 1000:.1f} ms" if us >= 1000 else f"{us:.0f} us"


def row(*cells):
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def all_programs(run, in_flight):
    lines = [
        row("server", "made with", "calls/s", "p50", "p99", "its CPU", "broker's CPU"),
        "|---|---|---|---|---|---|---|",
    ]
    for name in run.fastest_first(in_flight):
        series = run.series(name, in_flight)
        low, high = series.interval("calls_per_second")
        lines.append(
            row(
                name,
                run.run["programs"][name],
                f"{number(series.median('calls_per_second'))} ({number(low)} to {number(high)})",
                duration(series.median("p50")),
                duration(series.median("p99")),
                number(series.median("server")) + " us",
                number(series.median("broker")) + " us",
            )
        )
    return lines


def beside_c(run, in_flight):
    lines = [
        row(f"{in_flight} in flight", "calls/s", "p50", "its CPU", "broker's CPU"),
        "|---|---|---|---|---|",
    ]
    base = run.series("C", in_flight)
    for name in run.fastest_first(in_flight):
        if name != "C":
            series = run.series(name, in_flight)
            what = ["calls_per_second", "p50", "server", "broker"]
            lines.append(row(name, *(ratio(series.ratio(base, one)) for one in what)))
    return lines


def cases(run):
    """Those in which only fibrpcd and C were measured, and the ones they depart from."""
    for in_flight in (1, 16, 64, 256):
        yield "base", in_flight, {}
    for in_flight in (1, 64, 256):
        yield "quorum queue", in_flight, {"queue": "quorum"}
    yield "prefetch 10", 64, {"prefetch": 10}
    yield "prefetch 1000", 64, {"prefetch": 1000}
    yield "two servers", 64, {"servers": 2}
    yield "TLS to the broker", 64, {"tls": True}


def one_factor(run):
    lines = [
        row("case", "in flight", "calls/s, C", "fibrpcd", "ratio", "p50", "p99", "its CPU", "ratio", "broker's CPU", "ratio"),
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, in_flight, other in cases(run):
        ours, base = run.series("fibrpcd", in_flight, **other), run.series("C", in_flight, **other)
        if not (ours and base):
            continue
        lines.append(
            row(
                name,
                in_flight,
                number(base.median("calls_per_second")),
                number(ours.median("calls_per_second")),
                ratio(ours.ratio(base, "calls_per_second")),
                ratio(ours.ratio(base, "p50")),
                ratio(ours.ratio(base, "p99")),
                number(ours.median("server")) + " us",
                ratio(ours.ratio(base, "server")),
                number(ours.median("broker")) + " us",
                ratio(ours.ratio(base, "broker")),
            )
        )
    return lines


def memory(run):
    lines = [row("server", "memory, idle", "peak", "CPU, idle"), "|---|---|---|---|"]
    for name in run.fastest_first(64):
        of = run.run["memory"][name]
        lines.append(row(name, f"{of['idle_mib']:.1f} MiB", f"{of['peak_mib']:.1f} MiB", f"{of['idle_cpu'] * 100:.2f} %"))
    return lines


def text(kept):
    run = Run(kept)
    machine = kept["machine"]
    pairs, others = len(run.series("C", 64)), [name for name in kept["programs"] if name not in ("C", "fibrpcd")]
    fewest = len(run.series(others[0], 64)) if others else pairs
    work = run.other_work()
    ours = f"fibrpcd of commit {machine['commit']}" if machine["commit"] else "a fibrpcd that was built before"
    preliminary = [
        f"**Preliminary: other work took {work * 100:.0f} % of the machine meanwhile (median).** Ratios suffer less than the",
        "rest, but rely on neither; a run on a quiet machine has to replace this one.",
        "",
    ]
    return "\n".join(
        [
            "# Measured: what a call costs, beside servers in other languages",
            "",
            "What `fib(30)` costs through fibrpcd, which confirms its replies, measures itself and loses no call, and through",
            "the least that one could write in other languages, which does none of that. Written by `make bench-peers`; edit",
            "`benches/peers/`, not this file. [../performance.md](../performance.md) says what the figures mean.",
            "",
            *(preliminary if run.is_preliminary() else []),
            "![calls per second, time of a call, and CPU of a call](calls.svg)",
            "",
            "## How",
            "",
            f"- On {machine['cpu']}, {machine['cores']} cores, {machine['kernel']}, {machine['broker']}, on {machine['date']},",
            f"  {ours}. Load, server and broker share the cores; other work took {work * 100:.1f} % of them.",
            "- The load (`benches/load/load.c`) keeps so many calls in flight on one connection, without confirms, and checks",
            "  every reply. The servers (`tests/peers/*/fair/`) take 100 messages at once, and acknowledge each after its reply",
            "  is written, without confirms. fibrpcd is as users build it, with its metrics on.",
            "- The broker is that of `packaging/dev/broker.sh`: two schedulers that do not spin. Queues are classic and transient,",
            "  but where it says quorum.",
            f"- Medians of {kept['seconds']:g} s in each round; C and fibrpcd had {pairs} rounds, the other servers {fewest}. Ratios are",
            "  made within a round. In brackets: 95 % intervals of the median"
            + (", or lowest and highest of fewer than six rounds." if fewest < 6 else "."),
            "- CPU is per call, user and system, of all threads. Memory is that of the whole run.",
            *(f"- {line}." for line in kept["left_out"]),
            "",
            "## All servers, 64 calls in flight",
            "",
            *all_programs(run, 64),
            "",
            "As ratios to C:",
            "",
            *beside_c(run, 64),
            "",
            "## All servers, one call in flight",
            "",
            *all_programs(run, 1),
            "",
            "As ratios to C:",
            "",
            *beside_c(run, 1),
            "",
            "## fibrpcd and C, one factor at a time",
            "",
            "The base is a classic transient queue, prefetch 100, one server. Ratios are those of fibrpcd to C.",
            "",
            *one_factor(run),
            "",
            "## Memory",
            "",
            *memory(run),
            "",
        ]
    )


def write(kept, directory):
    (directory / "calls.md").write_text(text(kept))
    (directory / "calls.svg").write_text(picture(Run(kept)))
