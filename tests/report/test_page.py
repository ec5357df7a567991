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
| **3.4 Large kernels** |  |
| not run | Kernels of 9 are no better than kernels of 7 |
| 1 reproduced, 2 contradicted | 0.9 to 1.1 times<br>PyTorch: 0.9<br>TVM: 1.1 |

| Model | host (ms) |
| --- | ---: |
| LitePose-S | 56.0 (55.0 to 58.0) |

![A picture](../plots/there.png)

![Another](../plots/absent.png)

![All claims](../plots/overview/claims.png)
"""


def made(tmp_path):
    (tmp_path / "plots").mkdir()
    Image.new("RGB", (770, 100)).save(tmp_path / "plots/there.png", dpi=(220, 220))
    (tmp_path / "plots/overview").mkdir()
    for name, width in (("claims", 1600), ("claims_narrow", 800)):
        Image.new("RGB", (width, 100)).save(tmp_path / f"plots/overview/{name}.png", dpi=(220, 220))
    (tmp_path / "metrics").mkdir()
    page.write(tmp_path / "plots/report.html", TEXT, tmp_path / "metrics")
    return (tmp_path / "plots/report.html").read_text()


def test_the_page_loads_nothing_from_elsewhere(tmp_path):
    links = re.findall(r'(?:src|srcset|href)="([^"]+)"', made(tmp_path))
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


def test_a_section_of_a_table_is_one_cell_across_all_columns(tmp_path):
    assert '<td class="group" colspan="2"><span>3.4 Large kernels</span></td>' in made(tmp_path)


def test_what_was_measured_in_several_ways_is_folded_below_its_range(tmp_path):
    content = made(tmp_path)
    assert "<details><summary>0.9 to 1.1 times</summary>PyTorch: 0.9<br>TVM: 1.1</details>" in content
    assert '<td class="verdict mixed">1 reproduced, 2 contradicted</td>' in content


def test_a_narrow_screen_gets_the_narrow_picture_of_the_claims(tmp_path):
    content = made(tmp_path)
    assert content.count("<picture>") == 1
    sources = re.search(
        r'<picture><source media="\(max-width: 60rem\)" srcset="([^"]+)"><img src="([^"]+)"', content
    )
    assert sources[1] != sources[2]
