"""The paper's own numbers, read from its tables."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from litepose.core.errors import InputError

_COLUMNS = {
    "table1_crowdpose.csv": (
        "model", "input_size", "params_m", "macs_g", "nano_ms", "mobile_ms", "pi_ms", "ap", "ap50", "ap75",
    ),
    "table2_coco.csv": (
        "model", "input_size", "params_m", "macs_g", "nano_ms", "mobile_ms", "pi_ms", "ap_val", "ap_test_dev",
    ),
    "table3_ablation.csv": (
        "arch", "kernel", "fusion_deconv_head", "supernet", "distillation", "macs_g", "ap",
    ),
    "shrinking.csv": ("config", "base_channel", "macs_g"),
}  # fmt: skip


@dataclass(frozen=True)
class Published:
    """One data frame per table of the paper; an empty cell is NaN.

    Attributes:
        table1: CrowdPose (Table 1).
        table2: COCO (Table 2).
        table3: ablations (Table 3).
        shrinking: the four configurations of Section 3.2.
    """

    table1: pd.DataFrame
    table2: pd.DataFrame
    table3: pd.DataFrame
    shrinking: pd.DataFrame


def read(directory: Path) -> Published:
    """Read the published tables.

    Raises:
        InputError: a file is missing or lacks a column.
    """
    return Published(*(_read_table(directory / name, columns) for name, columns in _COLUMNS.items()))


def _read_table(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    if not path.is_file():
        raise InputError(f"{path} is missing: it holds the paper's numbers; restore it from the repository.")
    table = pd.read_csv(path)
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise InputError(f"{path} lacks the column {missing[0]!r}: restore the file from the repository.")
    return table
