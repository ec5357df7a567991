"""The page: one file that needs nothing else and says what is missing."""

import re

import pytest
from PIL import Image

from report import page

TEXT = """# Results of `tiny`

What this is.

## Verdicts

| Verdict | Claim |
| --- | --- |
| not run | Kernels of 9 are no better than kernels of 7 |

| Model | host (ms) |
| --- | ---: |
| LitePose-S | 56.0 (55.0 to 58.0) |

![A picture](../plots/there.png)

![Another](../plots/absent.png)
"""


def made(tmp_path):
    (tmp_path / "plots").mkdir()
    Image.new("RGB", (770, 100)).save(tmp_path / "plots/there.png", dpi=(220, 220))
    (tmp_path / "metrics").mkdir()
    page.write(tmp_path / "plots/report.html", TEXT, tmp_path / "metrics")
    return (tmp_path / "plots/report.html").read_text()


def test_the_page_loads_nothing_from_elsewhere(tmp_path):
    links = re.findall(r'(?:src|href)="([^"]+)"', made(tmp_path))
    assert links
    assert all(link.startswith(("data:", "#")) for link in links)
    assert "<script" not in (tmp_path / "plots/report.html").read_text()


def test_a_picture_that_was_not_drawn_is_said_in_words(tmp_path):
    assert "absent.png was not drawn." in made(tmp_path)


def test_verdicts_are_marked_and_tables_scroll_in_their_own_box(tmp_path):
    content = made(tmp_path)
    assert '<td class="verdict not-run">not run</td>' in content
    assert content.count('<div class="wide" tabindex="0"><table>') == 2


def test_every_section_is_linked_from_the_top(tmp_path):
    content = made(tmp_path)
    assert '<a href="#s0">Verdicts</a>' in content
    assert '<h2 id="s0">Verdicts</h2>' in content
    assert content.index("What this is.") < content.index("<nav>") < content.index("<h2")


def test_a_picture_is_as_wide_as_in_print_so_that_all_figures_letters_have_one_size(tmp_path):
    width = int(re.search(r"--width: (\d+)px", made(tmp_path))[1])
    assert width == pytest.approx(3.5 * page._PIXELS_PER_INCH, abs=1)


def test_an_interval_stands_below_its_number(tmp_path):
    assert "56.0<br><small>(55.0 to 58.0)</small></td>" in made(tmp_path)


def test_the_title_in_the_browsers_tab_is_plain(tmp_path):
    assert "<title>Results of tiny</title>" in made(tmp_path)
