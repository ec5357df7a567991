"""The README is short, shows the committed run, and its lines of code run as they stand."""

import json
import re

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from support import ROOT
from support.official import released

README = (ROOT / "README.md").read_text(encoding="utf-8")
RESULTS = (ROOT / "docs/results.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"<!-- (metrics/\S+\.md) -->\n(.*?)\n<!-- end -->", README + RESULTS, flags=re.DOTALL)


def metrics(name):
    return json.loads((ROOT / "metrics" / f"{name}.json").read_text())


@pytest.mark.parametrize(("path", "table"), SHOWN, ids=[path for path, _ in SHOWN])
def test_a_table_is_shown_as_the_committed_run_wrote_it(path, table):
    assert table.strip() == (ROOT / path).read_text(encoding="utf-8").strip()


def test_the_verdicts_tables_1_to_3_and_the_costs_are_shown():
    tables = [f"metrics/tables/table{number}_short.md" for number in (1, 2, 3)]
    others = ["metrics/diagnosis.md", "metrics/complexity.md"]
    assert [path for path, _ in SHOWN] == ["metrics/verdicts.md", *tables, *others]


def test_a_table_of_the_readme_has_at_most_eight_columns():
    rows = [line for line in README.splitlines() if line.startswith("|")]
    assert max(row.count("|") - 1 for row in rows) <= 8


def test_the_readme_has_at_most_150_lines():
    assert len(README.splitlines()) <= 150


def test_the_scores_in_the_readmes_words_are_those_of_the_committed_run():
    words = re.search(r"on the same test images is (\S+) %; LitePose-S\s+reached (\S+) %", README)
    chance, reached = map(float, words.groups())
    assert chance == pytest.approx(metrics("dataset/crowdpose")["chance_AP50"], abs=0.005)
    assert reached == pytest.approx(metrics("finetune/s")["AP50"], abs=0.05)


def test_the_readmes_lines_of_code_find_and_draw_people(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cv2.imwrite("photo.jpg", np.random.default_rng(0).integers(0, 255, (60, 80, 3), np.uint8))
    torch.save(released("litepose-m-14"), "litepose-m.pth")
    (code,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    assert len([line for line in code.splitlines() if line]) == 5
    exec(code, {})
    assert Image.open("people.jpg").size == (80, 60)
