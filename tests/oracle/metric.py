#!/usr/bin/env python3
"""Reference values of src/metric, from the formulas of the method alone.

Every sum is NumPy's, in 80-bit extended precision, so that the reference's own rounding is far below the bounds the test states.
Inputs are not stored: both sides draw them from SplitMix64. Run again with

    python3 tests/oracle/metric.py > tests/oracle/metric-values.h
"""
import decimal

import numpy as np

from splitmix import Rng

np.seterr(divide="ignore", invalid="ignore")  # 0/0 is NaN here, as it is there


def tensor(seed, *shape):
    """Multiples of 2^-23 in [-1, 1): exact in a float, so the same in C."""
    rng = Rng(seed)
    values = [(rng.next() >> 40) * 2.0**-23 - 1.0 for _ in range(int(np.prod(shape)))]
    return np.array(values, dtype=np.float32).reshape(shape)


def pair(seed, n, spread):
    """Two vectors: the second is the first plus noise times the spread (a power of two), or noise alone where that is 0."""
    a, noise = tensor(seed, n), tensor(seed + 1, n)
    return a, (a + noise * np.float32(spread) if spread else noise).astype(np.float32)


def wide(x):
    return np.asarray(x, dtype=np.longdouble)


def cosine_distance(a, b):
    a, b = wide(a), wide(b)
    return 1 - (a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum())


def l2_distance(a, b):
    return np.sqrt(((wide(a) - wide(b)) ** 2).sum())


def dirichlet_energy(fields):
    total, pairs = wide(0), 0
    for z in fields:
        t, h, w, _ = z.shape
        total += ((wide(z[:, :, 1:]) - wide(z[:, :, :-1])) ** 2).sum() + ((wide(z[:, 1:]) - wide(z[:, :-1])) ** 2).sum()
        pairs += t * h * (w - 1) + t * (h - 1) * w
    return total / pairs if pairs else wide(0)


def rayleigh(fields):
    squares = [(wide(z) ** 2).sum(axis=-1).ravel() for z in fields]
    return dirichlet_energy(fields) / np.concatenate(squares).mean()


def centred(x):
    x = wide(x)
    return x - x.mean(axis=0)


def linear_cka(x, y):
    """By the Gram matrices and the centring matrix, whatever the shape."""
    n = len(x)
    h = np.eye(n, dtype=np.longdouble) - wide(1) / n
    k, l = h @ (wide(x) @ wide(x).T) @ h, h @ (wide(y) @ wide(y).T) @ h
    return (k * l).sum() / np.sqrt((k * k).sum() * (l * l).sum())


def nearest(x, k):
    unit = wide(x) / np.sqrt((wide(x) ** 2).sum(axis=1, keepdims=True))
    cosine = unit @ unit.T
    np.fill_diagonal(cosine, -np.inf)
    return np.argsort(-cosine, axis=1, kind="stable")[:, :k]


def mutual_knn(x, y, k):
    k = min(k, len(x) - 1)
    return np.mean([len(set(a) & set(b)) / k for a, b in zip(nearest(x, k), nearest(y, k))])


def js_divergence(scores, others):
    """With 60 digits: near distributions differ in the square of the last of them."""
    decimal.getcontext().prec = 60

    def softmax(scores):
        e = [decimal.Decimal(float(s)).exp() for s in scores]
        return [x / sum(e) for x in e]

    p, q = softmax(scores), softmax(others)
    m = [(a + b) / 2 for a, b in zip(p, q)]
    kl = lambda x: sum(a * (a / b).ln() for a, b in zip(x, m) if a)
    return (kl(p) + kl(q)) / 2


def prior_position(clean, perturbed, blank):
    moved, way = wide(perturbed) - wide(clean), wide(blank) - wide(clean)
    return (moved * way).sum() / (way * way).sum()


def control_drift(clean, present, item, item_id, channel, k, run_seed):
    others = [i for i in range(len(clean)) if i != item and present[i]]
    k = min(k, len(others))
    rng, chosen = Rng.for_purpose(run_seed, item_id, "control:" + channel, 0), set()
    for j in range(len(others) - k, len(others)):
        drawn = rng.below(j + 1)
        chosen.add(j if drawn in chosen else drawn)
    return np.mean([cosine_distance(clean[item], clean[others[i]]) for i in sorted(chosen)], dtype=np.longdouble), k


def number(x):
    return "NAN" if x != x else repr(float(x))


def table(kind, name, rows):
    print(f"\nstatic const {kind} {name}[] = {{")
    for row in rows:
        print(f"  {{ {', '.join(row)} }},")
    print("};")


def drift_rows():
    sizes = [1, 2, 3, 5, 7, 13, 15, 16, 17, 31, 32, 33, 47, 48, 49, 97, 127, 251, 509, 1021, 2048, 2051, 4093, 5120]
    for index, n in enumerate(sizes):
        for spread in (0.0, 2.0**-2, 2.0**-6, 2.0**-12):
            seed = 1000 + 10 * index
            a, b = pair(seed, n, spread)
            mean = tensor(seed + 2, n)
            yield (str(n), str(seed), number(spread), number(cosine_distance(a, b)), number(l2_distance(a, b)),
                   number(l2_distance(a, b) / np.sqrt((wide(a) ** 2).sum())),
                   number(cosine_distance(wide(a) - wide(mean), wide(b) - wide(mean))))


def pool_rows():
    for index, (n, d) in enumerate([(1, 1), (2, 3), (7, 16), (64, 17), (101, 511), (13, 512), (11, 513), (5, 1027), (3, 2051)]):
        seed = 2000 + index
        mean = wide(tensor(seed, n, d)).mean(axis=0)
        for column in sorted({0, d // 2, d - 1}):
            yield str(n), str(d), str(seed), str(column), number(mean[column])


def dirichlet_rows():
    shapes = [
        [(1, 1, 1)], [(1, 1, 2)], [(1, 2, 1)], [(1, 1, 17)], [(1, 19, 1)], [(1, 2, 2)], [(1, 3, 5)], [(1, 7, 11)], [(1, 24, 32)],
        [(2, 3, 5)], [(5, 1, 1)], [(3, 1, 7)], [(1, 13, 4), (1, 4, 13)], [(1, 1, 1), (2, 5, 3), (1, 1, 6)],
    ]
    for index, grids in enumerate(shapes):
        for d in (1, 15, 16, 17, 67):
            seed = 3000 + 100 * index + d
            rng_field = tensor(seed, sum(t * h * w for t, h, w in grids), d)
            fields, start = [], 0
            for t, h, w in grids:
                fields.append(rng_field[start : start + t * h * w].reshape(t, h, w, d))
                start += t * h * w
            text = "{ " + ", ".join(f"{{ {t}, {h}, {w} }}" for t, h, w in grids) + " }"
            yield str(d), str(seed), text, str(len(grids)), number(dirichlet_energy(fields)), number(rayleigh(fields))


def control_rows():
    for n, d, absent, item in [(40, 17, 7, 0), (40, 17, 7, 11), (40, 17, 7, 39), (27, 5, 0, 3), (26, 5, 0, 3), (25, 5, 0, 3), (9, 3, 4, 1), (200, 64, 3, 100)]:
        clean = tensor(4000 + n, n, d)
        # Item i is absent where i mod `absent` is absent - 1; 0 for none.
        present = [not absent or i % absent != absent - 1 for i in range(n)]
        value, k = control_drift(clean, present, item, f"item-{item}", "ctx_mcq", 25, 7)
        yield str(n), str(d), str(absent), str(item), str(k), number(value)


def token_rows():
    for index, (n, d) in enumerate([(1, 1), (1, 5), (2, 16), (7, 3), (35, 17), (64, 67)]):
        for spread in (0.0, 2.0**-6):
            seed = 5000 + 10 * index
            a, b = (x.reshape(n, d) for x in pair(seed, n * d, spread))
            tokens = [cosine_distance(x, y) for x, y in zip(a, b)]
            yield str(n), str(d), str(seed), number(spread), number(np.mean(tokens)), number(tokens[-1])


def population_rows():
    for index, (n, d) in enumerate([(2, 3), (3, 1), (3, 2), (5, 5), (11, 7), (12, 12), (12, 31), (13, 64), (37, 5), (64, 64), (97, 17), (101, 128)]):
        for spread in (0.0, 2.0**-1, 2.0**-4):
            seed = 6000 + 10 * index
            a, b = (x.reshape(n, d) for x in pair(seed, n * d, spread))
            yield str(n), str(d), str(seed), number(spread), number(linear_cka(a, b)), number(mutual_knn(a, b, 10))


def prior_rows():
    for index, n in enumerate([1, 2, 3, 4, 5, 17, 64, 1021]):
        for scale in (2.0**-20, 1.0, 2.0**4, 2.0**10):
            seed = 7000 + 10 * index
            clean, perturbed, blank = (tensor(seed + i, n) for i in range(3))
            # Scores that differ by a little in a wide range, and by a lot.
            scores = wide(clean) * 8
            yield (str(n), str(seed), number(scale), number(js_divergence(scores, scores + wide(perturbed) * scale)),
                   number(prior_position(clean, perturbed, blank)))


if __name__ == "__main__":
    print("/* Written by tests/oracle/metric.py: change that and run it again. */")
    table("DriftCase", "drift_cases", drift_rows())
    table("PoolCase", "pool_cases", pool_rows())
    table("DirichletCase", "dirichlet_cases", dirichlet_rows())
    table("ControlCase", "control_cases", control_rows())
    table("TokenCase", "token_cases", token_rows())
    table("PopulationCase", "population_cases", population_rows())
    table("PriorCase", "prior_cases", prior_rows())
