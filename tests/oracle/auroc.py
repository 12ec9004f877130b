#!/usr/bin/env python3
"""Reference values of src/stats/auroc, with NumPy and SciPy: AUROC by its definition, over all pairs of a trial with the event and one
without, each pair weighed by how often its clusters were drawn.

Inputs are not stored: both sides draw them from SplitMix64. Run again with

    python3 tests/oracle/auroc.py > tests/oracle/auroc-values.h
"""
import numpy as np

from bootstrap import N_DRAWS, interval
from splitmix import Rng


def trials(n, n_clusters, n_values, seed):
    """Values with ties; events lean to the larger ones, and a third of the clusters has none. [n] each"""
    rng = Rng(seed)
    rows = []
    for _ in range(n):
        cluster, value, chance = rng.below(n_clusters), rng.below(n_values), rng.below(2 * n_values)
        rows.append((value / 8, cluster, chance < value and cluster % 3 != 0))
    value, cluster, event = map(np.array, zip(*rows))
    return value, cluster, event


def auroc(value, weight, event):
    higher, lower = value[event][:, None], value[~event][None, :]
    won = (higher > lower) + (higher == lower) / 2
    with np.errstate(invalid="ignore"):
        return weight[event] @ won @ weight[~event] / (weight[event].sum() * weight[~event].sum())


def main():
    print("/* Written by tests/oracle/auroc.py: change that and run it again. */\n")
    print("static const AurocCase auroc_cases[] = {")
    for n, n_clusters, n_values, seed in (40, 10, 6, 200), (90, 12, 1000, 201), (300, 41, 20, 202), (25, 5, 3, 203):
        value, cluster, event = trials(n, n_clusters, n_values, seed)
        clusters = min(len(set(cluster[event])), len(set(cluster[~event])))
        rng = Rng.for_purpose(seed, "", "bootstrap", n_clusters)
        draws = []
        for _ in range(N_DRAWS):
            times = np.bincount([rng.below(n_clusters) for _ in range(n_clusters)], minlength=n_clusters)
            draws.append(auroc(value, times[cluster].astype(float), event))
        low, high = interval(np.array(draws), clusters, 0.95)
        bounds = (f"{float(x)!r}" if abs(x) <= 1 else "NAN" for x in (low, high))
        print(f"  {{ {n}, {n_clusters}, {n_values}, {seed}, {clusters}, {float(auroc(value, np.ones(n), event))!r}, {', '.join(bounds)} }},")
    print("};")


if __name__ == "__main__":
    main()
