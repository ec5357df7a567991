"""Which peak belongs to whom at the least total cost; of equally good answers, the released code's.

Costs tie all the time: people whose rounded tag distances are equal can be exchanged at no cost. Which of the
optima is found then decides who gets a joint, and even how many people there are. The released code asks
munkres 1.1.4; here the same zeros are looked at in the same order, and the same numbers added and subtracted.
"""

import numpy as np


def assign(cost: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The assignment of rows to columns with the least total cost that munkres 1.1.4 finds.

    Args:
        cost: float [N, M], N at most M.

    Returns:
        Row numbers 0 .. N - 1, and the column of each.

    Raises:
        ValueError: a cost is not finite.
    """
    if not np.isfinite(cost).all():
        raise ValueError("A cost is not finite: the tags are not.")
    rows, columns = cost.shape
    if not rows:
        return np.zeros(0, int), np.zeros(0, int)
    square = np.zeros((columns, columns))
    square[:rows] = cost
    return np.arange(rows), np.array(_Search(square).run()[:rows], int)


class _Search:
    """The Hungarian method on a square matrix; a set of columns is the bits of an integer.

    Attributes:
        cost: float64 [n, n]; row minima are off.
        zeros: per row, the columns where the cost is zero.
        star: per row, the column of its starred zero, or -1.
        starred: per column, the row of its starred zero, or -1.
    """

    def __init__(self, cost: np.ndarray) -> None:
        self.cost = cost - cost.min(1, keepdims=True)
        self.size = len(cost)
        self.zeros = self._zeros()
        self.star = [-1] * self.size
        self.starred = [-1] * self.size

    def run(self) -> list[int]:
        """The column of each row."""
        free = (1 << self.size) - 1
        for row, zeros in enumerate(self.zeros):
            if first := zeros & free & -(zeros & free):
                free ^= first
                self._set_star(row, first.bit_length() - 1)
        while -1 in self.star:
            self._augment()
        return self.star

    def _augment(self) -> None:
        """One more row gets a star: prime zeros until one lies in a row without a star."""
        open_columns = sum(1 << column for column, row in enumerate(self.starred) if row < 0)
        covered = [False] * self.size  # rows
        prime = [-1] * self.size  # per row, the column of its primed zero
        row = column = 0
        while True:
            row, column = self._uncovered_zero(row, column, covered, open_columns)
            if row < 0:
                self._shift(covered, open_columns)
                row = column = 0
                continue
            prime[row] = column
            if self.star[row] < 0:
                return self._flip(row, prime)
            covered[row] = True
            column = self.star[row]
            open_columns |= 1 << column

    def _uncovered_zero(
        self, row: int, column: int, covered: list[bool], open_columns: int
    ) -> tuple[int, int]:
        """In the first row that has one, counted cyclically from a place on, the last one; or -1, -1."""
        before = (1 << column) - 1
        for candidate in (*range(row, self.size), *range(row)):
            if not covered[candidate] and (found := self.zeros[candidate] & open_columns):
                return candidate, (found & before or found).bit_length() - 1
        return -1, -1

    def _shift(self, covered: list[bool], open_columns: int) -> None:
        """Make a new uncovered zero: add the smallest uncovered cost to covered rows, then subtract it.

        Rows that are covered and columns that are not cross where both happens, one after the other, which is
        not the same as nothing: the costs may be rounded.
        """
        rows = np.array(covered)
        columns = np.array([open_columns >> column & 1 for column in range(self.size)], bool)
        smallest = self.cost[~rows][:, columns].min()
        self.cost[rows] += smallest
        self.cost[:, columns] -= smallest
        self.zeros = self._zeros()

    def _zeros(self) -> list[int]:
        packed = np.packbits(self.cost == 0, axis=1, bitorder="little")
        content, width = packed.tobytes(), packed.shape[1]
        return [int.from_bytes(content[row : row + width], "little") for row in range(0, len(content), width)]

    def _flip(self, row: int, prime: list[int]) -> None:
        """Star the primed zeros along the alternating path from a row on, instead of the starred ones."""
        while row >= 0:
            column = prime[row]
            before = self.starred[column]
            self._set_star(row, column)
            row = before

    def _set_star(self, row: int, column: int) -> None:
        self.star[row], self.starred[column] = column, row
