"""Logistic regression in plain Python: few features, some thousand examples, Newton's method."""
import math

# half of it times the sum of the weights' squares is added to the loss; not the constant's
PENALTY = 1.0
STEPS_MAX = 50


def solve(matrix, vector):
    """x of matrix * x = vector, by Gauss with pivots."""
    size = len(vector)
    rows = [list(row) + [value] for row, value in zip(matrix, vector)]
    for column in range(size):
        pivot = max(range(column, size), key=lambda i: abs(rows[i][column]))
        rows[column], rows[pivot] = rows[pivot], rows[column]
        for i in range(column + 1, size):
            factor = rows[i][column] / rows[column][column]
            for j in range(column, size + 1):
                rows[i][j] -= factor * rows[column][j]
    result = [0.0] * size
    for i in reversed(range(size)):
        known = sum(rows[i][j] * result[j] for j in range(i + 1, size))
        result[i] = (rows[i][size] - known) / rows[i][i]
    return result


def weigh(weights, features):
    """The logarithm of the odds; the last weight is the constant."""
    return weights[-1] + sum(weight * feature for weight, feature in zip(weights, features))


def chance(odds):
    """The probability that belongs to the logarithm of odds."""
    return 1 / (1 + math.exp(-odds)) if odds > 0 else math.exp(odds) / (1 + math.exp(odds))


def fit(examples):
    """Weights, and the constant last. examples: (features, whether it is so)."""
    size = len(examples[0][0]) + 1
    weights = [0.0] * size
    for _ in range(STEPS_MAX):
        slope = [PENALTY * weight for weight in weights[:-1]] + [0.0]
        bend = [[PENALTY * (i == j and i < size - 1) for j in range(size)] for i in range(size)]
        for features, good in examples:
            row = (*features, 1.0)
            p = chance(weigh(weights, features))
            for i in range(size):
                slope[i] += (p - good) * row[i]
                for j in range(i + 1):
                    bend[i][j] += p * (1 - p) * row[i] * row[j]
        for i in range(size):
            for j in range(i):
                bend[j][i] = bend[i][j]
        step = solve(bend, slope)
        weights = [weight - part for weight, part in zip(weights, step)]
        if max(map(abs, step)) < 1e-6:
            return weights
    raise ArithmeticError(f"no weights in {STEPS_MAX} steps")


def cross_validated(examples, groups, count):
    """For each example the logarithm of its odds by weights that were fitted without its group's
    part. groups: a number for each example; those with the same one stay together."""
    odds = [0.0] * len(examples)
    for part in range(count):
        weights = fit([example for example, group in zip(examples, groups) if group % count != part])
        for i, group in enumerate(groups):
            if group % count == part:
                odds[i] = weigh(weights, examples[i][0])
    return odds
