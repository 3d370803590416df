#!/usr/bin/python3
"""Measures fibrpcd beside minimal servers in other languages, and writes docs/measured/calls.md and calls.svg.

All servers are attached to one private broker all the time, each to a queue of its own, and the load asks one after
the other, in rounds: other work of the machine, and its changing clock, hit all of them alike. Ratios are made within
a round. `make bench-peers` runs it.
"""

import argparse
import datetime
import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

sys.dont_write_bytecode = True  # nothing is to be left among the sources

import programs
from measure import Bench, Cpu, Setting
from report import write

BASE = Setting()
FIRST = [(BASE, 1), (BASE, 64)]  # of all programs
ONE_FACTOR = [
    (BASE, 16),
    (BASE, 256),
    (Setting(queue="quorum"), 1),
    (Setting(queue="quorum"), 64),
    (Setting(queue="quorum"), 256),
    (Setting(prefetch=10), 64),
    (Setting(prefetch=1000), 64),
    (Setting(servers=2), 64),
    (Setting(tls=True), 64),
]


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def machine(bench):
    """Where it ran."""
    models = [line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=programs.ROOT, capture_output=True, text=True)
    return {
        "cpu": (models or [os.uname().machine])[0],
        "cores": os.cpu_count(),
        "kernel": f"{os.uname().sysname} {os.uname().release}",
        "broker": bench.broker_version(),
        "date": datetime.date.today().isoformat(),
        "commit": "" if os.environ.get("FIBRPCD") else commit.stdout.strip(),
    }


def idle(bench, everything):
    """Memory and CPU before the first call, over five seconds, of all at once."""
    base = [program for program in everything if (program.name, BASE) in bench.running]
    clocks = {program.name: Cpu(bench.pids(program, BASE)) for program in base}
    time.sleep(5)
    return {
        program.name: {
            "idle_cpu": clocks[program.name].microseconds() / 5e6,
            "idle_mib": bench.memory(program, BASE, "VmRSS"),
        }
        for program in base
    }


def rounds(bench, pair, others, options):
    """All measurements, a row each."""
    rows, chance = [], random.Random(1)
    cases = FIRST + [case for case in ONE_FACTOR if bench.tls or not case[0].tls]
    for turn in range(options.rounds):
        # Those that are compared with each other follow each other, in either order.
        units = [[(program, *case) for program in chance.sample(pair, 2)] for case in cases]
        if turn % 2 == 0:
            units += [[(program, *case)] for program in others for case in FIRST]
        chance.shuffle(units)
        for program, setting, in_flight in (one for unit in units for one in unit):
            row = bench.measure(program, setting, in_flight, options.seconds, options.warm_up)
            rows.append({"program": program.name, **asdict(setting), "in_flight": in_flight, "round": turn, **row})
        say(f"round {turn + 1} of {options.rounds} is done")
    return rows


def measure(options):
    programs.BUILT.mkdir(parents=True, exist_ok=True)
    try:
        say("building the load, C and fibrpcd")
        load, pair = programs.load(), [programs.fibrpcd(), programs.c()]
    except programs.Missing as missing:
        raise SystemExit(f"bench: {missing}; packaging/dev/install-deps.sh bench installs it") from None
    others, left_out = programs.others(say)
    everything = pair + others
    with Bench(load) as bench:
        if not bench.tls:
            left_out.append(f"TLS is left out: {bench.no_tls}")
        for program in everything:
            bench.start(program, BASE)
        say("all are attached; what they are like when idle")
        memory = idle(bench, everything)
        for setting in dict.fromkeys(setting for setting, _ in ONE_FACTOR):
            for program in pair:
                if bench.tls or not setting.tls:
                    bench.start(program, setting)
        say("warming up")  # compilers at run time want to have seen thousands of calls
        for program in everything:
            bench.measure(program, BASE, 64, 3, 0)
        rows = rounds(bench, pair, others, options)
        for program in everything:
            # The kernel keeps these two a little apart.
            peak = max(bench.memory(program, BASE, "VmHWM"), memory[program.name]["idle_mib"])
            memory[program.name]["peak_mib"] = peak
        return {
            "machine": machine(bench),
            "seconds": options.seconds,
            "programs": {program.name: program.made_with for program in everything},
            "left_out": left_out,
            "memory": memory,
            "rows": rows,
        }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15, help="default: 15, a quarter of an hour")
    parser.add_argument("--seconds", type=float, default=1.4, help="of each measurement")
    parser.add_argument("--warm-up", type=float, default=0.2, help="before each measurement")
    parser.add_argument("--out", type=Path, default=programs.ROOT / "docs/measured", help="where table and picture go")
    parser.add_argument("--from", dest="kept", type=Path, metavar="FILE", help="measure nothing: the figures of an earlier run")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("bench: asked to stop"))
    if options.rounds < 1:
        parser.error("--rounds takes 1 or more")
    if options.kept:
        run = json.loads(options.kept.read_text())
    else:
        run = measure(options)
        kept = programs.BUILT / "peers.json"
        kept.write_text(json.dumps(run))
        say(f"all figures are in {kept}")
    options.out.mkdir(parents=True, exist_ok=True)
    write(run, options.out)
    say(f"wrote calls.md and calls.svg in {options.out}")


if __name__ == "__main__":
    main()
