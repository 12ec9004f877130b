#!/usr/bin/env python3
"""Reference values of src/stats/bootstrap, with NumPy and SciPy: the same clusters drawn, percentiles as numpy.quantile defines them, and
the tails of Hesterberg's expanded interval from scipy.stats.

Inputs are not stored: both sides draw them from SplitMix64. Run again with

    python3 tests/oracle/bootstrap.py > tests/oracle/bootstrap-values.h
"""
import numpy as np
from scipy import stats

from splitmix import Rng

N_DRAWS = 2000


def parts(n_clusters, seed):
    """Whole numbers: A and C below 5, B and D from 5 to 9; a cluster in four has no part of C and D. [4, n_clusters]"""
    rng = Rng(seed)
    rows = np.array([[rng.below(5), 5 + rng.below(5), rng.below(5), 5 + rng.below(5)] for _ in range(n_clusters)], dtype=float)
    rows[::4, 2:] = 0
    return rows.T


def combine(form, a, b, c, d):
    return {"RATIO": lambda: a / b, "QUOTIENT": lambda: (a / b) / (c / d), "DIFFERENCE": lambda: a / b - c / d}[form]()


def interval(values, n_clusters, level):
    t = stats.t.ppf((1 + level) / 2, n_clusters - 1) * np.sqrt(n_clusters / (n_clusters - 1))
    tail = stats.norm.sf(t)
    defined = np.isfinite(values)  # a draw without a value might have been anything
    return np.quantile(np.where(defined, values, -1e300), tail), np.quantile(np.where(defined, values, 1e300), 1 - tail)


def main():
    print("/* Written by tests/oracle/bootstrap.py: change that and run it again. */\n")
    print("static const BootstrapCase bootstrap_cases[] = {")
    for n_clusters, seed in (10, 100), (12, 101), (40, 102), (41, 103):
        sums = parts(n_clusters, seed)
        drawn = np.zeros((N_DRAWS, n_clusters))
        rng = Rng.for_purpose(seed, "", "bootstrap", n_clusters)
        for draw in range(N_DRAWS):
            for _ in range(n_clusters):
                drawn[draw, rng.below(n_clusters)] += 1
        for form in "RATIO", "QUOTIENT", "DIFFERENCE":
            for level in 0.95, 0.6:
                with np.errstate(divide="ignore", invalid="ignore"):
                    low, high = interval(combine(form, *(drawn @ sums.T).T), n_clusters, level)
                value = combine(form, *sums.sum(axis=1))
                print(f"  {{ {n_clusters}, {seed}, UT_{form}, {level}, {float(value)!r}, {float(low)!r}, {float(high)!r} }},")
    print("};")


if __name__ == "__main__":
    main()
