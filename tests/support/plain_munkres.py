"""The Hungarian method as plain loops over the cells of the matrix, in the order of munkres 1.1.4."""


def solve(cost):
    """Pairs (row, column) of the assignment with the least total cost; no more rows than columns."""
    rows, size = len(cost), len(cost[0])
    matrix = [[float(value) for value in row] for row in cost] + [[0.0] * size for _ in range(size - rows)]
    matrix = [[value - min(row) for value in row] for row in matrix]
    stars = [[False] * size for _ in range(size)]
    for i in range(size):
        for j in range(size):
            if matrix[i][j] == 0 and not any(stars[i]) and not any(row[j] for row in stars):
                stars[i][j] = True
    while sum(map(sum, stars)) < size:
        _one_more_star(matrix, stars)
    return [(i, stars[i].index(True)) for i in range(rows)]


def _one_more_star(matrix, stars):
    size = len(matrix)
    row_covered = [False] * size
    column_covered = [any(row[j] for row in stars) for j in range(size)]
    primes = [[False] * size for _ in range(size)]
    i = j = 0
    while True:
        zero = _uncovered_zero(matrix, row_covered, column_covered, i, j)
        if zero is None:
            _shift(matrix, row_covered, column_covered)
            i = j = 0
            continue
        i, j = zero
        primes[i][j] = True
        if not any(stars[i]):
            return _flip(stars, primes, i, j)
        j = stars[i].index(True)
        row_covered[i], column_covered[j] = True, False


def _uncovered_zero(matrix, row_covered, column_covered, first_row, first_column):
    size = len(matrix)
    for i in [*range(first_row, size), *range(first_row)]:
        zeros = [
            (i, j)
            for j in [*range(first_column, size), *range(first_column)]
            if matrix[i][j] == 0 and not row_covered[i] and not column_covered[j]
        ]
        if zeros:
            return zeros[-1]
    return None


def _shift(matrix, row_covered, column_covered):
    cells = [(i, j) for i in range(len(matrix)) for j in range(len(matrix))]
    smallest = min(matrix[i][j] for i, j in cells if not row_covered[i] and not column_covered[j])
    for i, j in cells:
        if row_covered[i]:
            matrix[i][j] += smallest
        if not column_covered[j]:
            matrix[i][j] -= smallest


def _flip(stars, primes, i, j):
    while True:
        starred = [row for row in range(len(stars)) if stars[row][j]]
        stars[i][j] = True
        if not starred:
            return
        (i,) = starred
        stars[i][j] = False
        j = primes[i].index(True)
