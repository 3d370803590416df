"""Medians, and how sure they are."""

import math
import statistics


def interval(values):
    """The 95 % confidence interval of the median, by ranks: it supposes nothing about the distribution. Fewer than six
    values have none; then it is the lowest and the highest."""
    values = sorted(values)
    count, rank = len(values), 0
    while sum(math.comb(count, below) for below in range(rank + 2)) / 2**count <= 0.025:
        rank += 1
    return values[rank], values[-1 - rank]


class Series:
    """The rounds of one program in one case."""

    def __init__(self, rows):
        self.rows = {row["round"]: row for row in rows}

    def __len__(self):
        return len(self.rows)

    def median(self, what):
        return statistics.median(row[what] for row in self.rows.values())

    def interval(self, what):
        return interval([row[what] for row in self.rows.values()])

    def ratio(self, base, what):
        """To another program's, paired by round: median and interval."""
        ratios = [row[what] / base.rows[turn][what] for turn, row in self.rows.items() if turn in base.rows]
        return statistics.median(ratios), *interval(ratios)
