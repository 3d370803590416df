"""Python's int: reads n, writes the seconds that one F(n) in decimal takes. For src/main.rs."""

import sys
from time import perf_counter

if hasattr(sys, "set_int_max_str_digits"):
    sys.set_int_max_str_digits(0)


def call(n):
    a, b = 0, 1
    for bit in bin(n)[2:]:
        a, b = a * (2 * b - a), a * a + b * b
        if bit == "1":
            a, b = b, a + b
    return str(a)


for line in sys.stdin:
    n, calls, start = int(line), 0, perf_counter()
    while calls == 0 or perf_counter() - start < 0.02:
        call(n)
        calls += 1
    start = perf_counter()
    for _ in range(calls):
        call(n)
    print(f"{(perf_counter() - start) / calls:.12f}", flush=True)
