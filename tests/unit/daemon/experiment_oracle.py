#!/usr/bin/env python3
"""The constants of test_experiment.c, by other means than stats.c and experiment/: prints them.

Works on the rows themselves, (unit, value) by arm: variances from lists of units, quantiles from mpmath
at 40 digits, intervals of shares by solving their equation, the any-time p by bisection over alpha. Needs
python3-mpmath; run by hand.
"""
import collections

from mpmath import exp, log, mp, mpf, sqrt

from stats_oracle import num, root, t_of, t_tail, z_of

LEVEL = 0.95


def rows(arm):
    """The rows of test_experiment.c: 40 units an arm, of 1 to 3 records, by a small generator."""
    state, out = 11 + arm * 7, []
    for unit in range(40):
        state = (state * 1103515245 + 12345) % 2**31
        mood = state >> 16 & 7
        for _ in range(1 + (state >> 20) % 3):
            state = (state * 1103515245 + 12345) % 2**31
            out.append((unit, (mood + (state >> 16) % 5 + 2 * arm) % 11))
    return out


def one_each(data):
    """As if each record were a unit of its own."""
    return [(i, x) for i, (_, x) in enumerate(data)]


def parts(data, of):
    units = collections.defaultdict(list)
    for unit, x in data:
        units[unit].append(mpf(of(x)))
    values = [x for xs in units.values() for x in xs]
    n, m = len(values), len(units)
    mean = sum(values) / n
    single = sum((x - mean) ** 2 for x in values) / (n - 1) / n
    if m == n:
        return mean, single, mpf(n - 1), mpf(1), n
    spread = sum((sum(xs) - mean * len(xs)) ** 2 for xs in units.values())
    clustered = mpf(m) / (m - 1) * spread / n**2
    return mean, max(clustered, single), mpf(m - 1), max(clustered / single, 1), n


def wilson(p, n):
    z = z_of(LEVEL)
    f = lambda q: (p - q) ** 2 - z * z * q * (1 - q) / n
    return p, root(f, 0, p), root(f, p, 1)


def share(data, of):
    p, _, _, d, n = parts(data, of)
    return wilson(p, n / d)


def net(data, of):
    mean, _, _, d, n = parts(data, of)
    population = sum((mpf(of(x)) - mean) ** 2 for _, x in data) / n
    half = z_of(LEVEL) * sqrt(population / (n / d))
    return mean, mean - half, mean + half


def mean(data, of):
    m, v, df, _, _ = parts(data, of)
    half = t_of(LEVEL, df) * sqrt(v)
    return m, m - half, m + half


def shares(b, a, of):
    (pb, lb, ub), (pa, la, ua) = share(b, of), share(a, of)
    nb, na = (parts(x, of)[4] / parts(x, of)[3] for x in (b, a))
    low = pb - pa - sqrt((pb - lb) ** 2 + (ua - pa) ** 2)
    high = pb - pa + sqrt((ub - pb) ** 2 + (pa - la) ** 2)
    pooled = (pb * nb + pa * na) / (nb + na)
    z = abs(pb - pa) / sqrt(pooled * (1 - pooled) * (1 / nb + 1 / na))
    return pb - pa, low, high, mp.erfc(z / sqrt(2)), (high - low) / 2 / z_of(LEVEL)


def welch(b, a, of):
    mb, vb, fb, _, _ = parts(b, of)
    ma, va, fa, _, _ = parts(a, of)
    error = sqrt(va + vb)
    df = (va + vb) ** 2 / (va**2 / fa + vb**2 / fb)
    half = t_of(LEVEL, df) * error
    return mb - ma, mb - ma - half, mb - ma + half, 2 * t_tail(abs(mb - ma) / error, df), error


def any_time(value, error, n, tuned=500):
    """The paper's boundary (its equation 14 and the rho of its appendix), not stats.c's closed form."""
    rho = lambda alpha: sqrt((-2 * log(alpha) + log(-2 * log(alpha) + 1)) / tuned)
    r2 = rho(mpf("0.05")) ** 2

    def half(alpha):
        sigma = error * sqrt(n)  # of one observation
        return sigma * sqrt(2 * (n * r2 + 1) / (n**2 * r2) * log(sqrt(n * r2 + 1) / alpha))
    low, high = value - half(mpf("0.05")), value + half(mpf("0.05"))
    p = root(lambda alpha: half(exp(alpha)) - abs(value), -200, 0) if half(1) < abs(value) else None
    return low, high, mpf(1) if p is None else exp(p)


def show(title, values):
    print(f"   {title}:", ", ".join(num(v) for v in values))


A, B = rows(0), rows(1)
TOP = lambda x: x >= 6
NET = lambda x: (x >= 9) - (x <= 4)
RAW = lambda x: x
if __name__ == "__main__":
    print(len(A), len(B))
    for title, a, b in (("units", A, B), ("one each", one_each(A), one_each(B))):
        print(f"/* {title} */")
        for name, one, two, of in (("csat", share, shares, TOP), ("nps", net, welch, NET), ("ces", mean, welch, RAW)):
            show(f"{name} A", one(a, of))
            show(f"{name} B", one(b, of))
            value, low, high, p, error = two(b, a, of)
            show(f"{name} B - A", (value, low, high, p))
            n = len({u for u, _ in a}) + len({u for u, _ in b})
            show(f"{name} any time", any_time(value, error, n))
