#!/usr/bin/env python3
"""The constants of test_stats.c, by other means than stats.c: prints them.

Intervals come from solving their defining equation by bisection, tails from adding up exact
fractions or 40-digit terms, quantiles from inverting mpmath's distribution functions; the data are
summed as fractions. Nothing here shares a formula with GSL. Needs python3-mpmath; run by hand.
"""
from fractions import Fraction
from math import comb

from mpmath import betainc, erfc, erfinv, exp, factorial, gammainc, inf, mp, mpf, sqrt

mp.dps = 40


def num(x):
    return mp.nstr(mpf(x.numerator) / x.denominator if isinstance(x, Fraction) else x, 17)


def z_of(level):
    return sqrt(2) * erfinv(mpf(level))


def t_tail(t, df):
    return betainc(mpf(df) / 2, mpf(1) / 2, 0, df / (df + t * t), regularized=True) / 2


def t_of(level, df):
    alpha = (1 - mpf(level)) / 2
    high = mpf(2)
    while t_tail(high, df) > alpha:
        high *= 2
    return root(lambda t: t_tail(t, df) - alpha, mpf(0), high)


def root(f, low, high):
    low, high = mpf(low), mpf(high)
    sign = f(low) > 0
    for _ in range(140):
        middle = (low + high) / 2
        if (f(middle) > 0) == sign:
            low = middle
        else:
            high = middle
    return low


def wilson(k, n, level):
    """All p with |k/n - p| <= z sqrt(p(1-p)/n)."""
    z, p0 = z_of(level), mpf(k) / n
    f = lambda p: (p0 - p) ** 2 - z * z * p * (1 - p) / n
    low = mpf(0) if k == 0 else root(f, 0, p0)
    high = mpf(1) if k == n else root(f, p0, 1)
    return p0, low, high


def mean_var(rows):
    rows = [Fraction(r) for r in rows]
    mean = sum(rows) / len(rows)
    return mean, sum((r - mean) ** 2 for r in rows) / (len(rows) - 1)


def real(f):
    return mpf(f.numerator) / f.denominator


def mean(rows, level):
    m, v = mean_var(rows)
    half = t_of(level, len(rows) - 1) * sqrt(real(v) / len(rows))
    return real(m), real(m) - half, real(m) + half


def net(plus, minus, n, level):
    """From the rows themselves: +1, 0 and -1, population variance."""
    rows = [1] * plus + [-1] * minus + [0] * (n - plus - minus)
    m = Fraction(sum(rows), n)
    v = sum((r - m) ** 2 for r in map(Fraction, rows)) / n
    half = z_of(level) * sqrt(real(v) / n)
    return real(m), real(m) - half, real(m) + half


def shares(a, n, b, m, level):
    p1, l1, u1 = wilson(a, n, level)
    p2, l2, u2 = wilson(b, m, level)
    d = p1 - p2
    pooled = Fraction(a + b, n + m)
    variance = pooled * (1 - pooled) * (Fraction(1, n) + Fraction(1, m))
    z2 = (Fraction(a, n) - Fraction(b, m)) ** 2 / variance
    return (d, d - sqrt((p1 - l1) ** 2 + (u2 - p2) ** 2), d + sqrt((u1 - p1) ** 2 + (p2 - l2) ** 2),
            erfc(sqrt(real(z2) / 2)))


def welch(a, b, level):
    (ma, va), (mb, vb) = mean_var(a), mean_var(b)
    ea, eb = va / len(a), vb / len(b)
    df = (ea + eb) ** 2 / (ea**2 / (len(a) - 1) + eb**2 / (len(b) - 1))
    d, e = real(ma - mb), sqrt(real(ea + eb))
    half = t_of(level, real(df)) * e
    return d, d - half, d + half, 2 * t_tail(abs(d) / e, real(df)), real(df)


def fit(counts, parts):
    total, whole = sum(counts), sum(parts)
    expected = [Fraction(total * p, whole) for p in parts]
    chi = sum((c - e) ** 2 / e for c, e in zip(counts, expected))
    return gammainc(mpf(len(counts) - 1) / 2, real(chi) / 2, inf, regularized=True)


def poisson(k, mean):
    mean = mpf(mean)
    term = exp(-mean) * mean**k / factorial(k)
    total, j = mpf(0), k
    while j < k + 10 or term > total * mpf(10) ** -30:
        total, j = total + term, j + 1
        term = term * mean / j
    return total


def below(k, mean, variance):
    """P(X <= k), term by term: negative binomial, or Poisson without variance beyond the mean."""
    mean, variance = mpf(mean), mpf(variance)
    q, r = (mean / variance, mean**2 / (variance - mean)) if variance > mean else (None, None)
    term = exp(-mean) if q is None else q**r
    total = term
    for i in range(1, k + 1):
        term *= mean / i if q is None else (r + i - 1) / i * (1 - q)
        total += term
    return total


def binomial(k, n, p):
    p = Fraction(p)
    return sum(comb(n, j) * p**j * (1 - p) ** (n - j) for j in range(k, n + 1))


def coverage(n, share, level):
    """How often wilson() of n draws holds the true share."""
    held = 0
    for k in range(n + 1):
        _, low, high = wilson(k, n, level)
        if low <= mpf(share) <= high:
            held += binomial(k, n, share) - binomial(k + 1, n, share)
    return held


def table(name, function, cases):
    print(f"/* {name} */")
    for case in cases:
        got = function(*case)
        got = got if isinstance(got, tuple) else (got,)
        print("   ", case, "->", ", ".join(num(x) for x in got))


A = "3.1 2.8 4.4 3.9 5.0 2.7 3.3".split()
B = "2.2 4.1 1.8 2.5 3.0".split()

if __name__ == "__main__":
    table("wilson", wilson, [(0, 1, 0.95), (1, 1, 0.95), (128, 412, 0.95), (0, 50, 0.95),
                             (50, 50, 0.95), (5, 17, 0.95), (3, 10, 0.99), (1, 1000000, 0.9)])
    table("mean", mean, [(A, 0.95), (A, 0.99), ([0, 1], 0.95), (B, 0.9), (range(1000), 0.95)])
    table("net", net, [(60, 25, 100, 0.95), (1, 0, 3, 0.95), (5, 5, 10, 0.95), (700, 100, 1000, 0.99)])
    table("shares", shares, [(56, 70, 48, 80, 0.95), (9, 10, 3, 10, 0.95), (10, 10, 0, 20, 0.95),
                             (5, 56, 0, 29, 0.95), (500, 10000, 600, 10000, 0.99)])
    table("welch", welch, [(A, B, 0.95), (B, A, 0.99), ([0, 1], [5, 7], 0.95),
                           (range(100), range(40, 60), 0.95)])
    table("fit", fit, [((5050, 4950), (50, 50)), ((5200, 4800), (1, 1)), ((10, 20, 30), (1, 1, 1)),
                       ((90, 10), (9, 1)), ((600, 1000, 400), (3, 5, 2)), ((0, 40), (1, 1))])
    table("poisson", poisson, [(1, "0.01"), (3, "0.2"), (10, 3), (10, 10), (5, 20), (50, 20),
                               (200, 100), (1000, 900)])
    table("binomial", binomial, [(1, 1, "0.5"), (3, 10, "0.1"), (9, 10, "0.1"), (10, 10, "0.1"),
                                 (50, 100, "0.4"), (80, 100, "0.4"), (500, 1000, "0.45"),
                                 (8, 2000, "0.001")])
    table("below", below, [(0, 5, 5), (0, 5, "7.5"), (3, 20, 60), (0, 100, 600), (10, "12.5", "30.25"),
                           (50, 400, 9000), (0, "0.5", "0.6"), (7, 3, 3), (200, 100, 1000)])
    table("coverage", coverage, [(100, "0.3", 0.95)])
