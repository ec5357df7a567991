"""The README shows the tables of the committed run, not copies that have aged."""

import re
from pathlib import Path

import pytest

from support import ROOT

README = (ROOT / "README.md").read_text()
SHOWN = re.findall(r"<!-- (metrics/\S+\.md) -->\n(.*?)\n<!-- end -->", README, flags=re.DOTALL)


@pytest.mark.parametrize(("path", "table"), SHOWN, ids=[path for path, _ in SHOWN])
def test_the_readme_shows_a_table_as_the_committed_run_wrote_it(path, table):
    assert table.strip() == (ROOT / path).read_text().strip()


def test_the_readme_shows_all_four_tables():
    assert [Path(path).stem for path, _ in SHOWN] == ["table1", "table2", "table3", "complexity"]


def test_every_picture_and_file_that_the_readme_links_to_exists():
    links = re.findall(r"\]\((?!http)([^)#]+)\)", README)
    assert len(links) >= 4
    assert [link for link in links if not (ROOT / link).exists()] == []
