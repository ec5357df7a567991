"""The page: one file that needs nothing else and says what is missing."""

import re

from litepose.report import page

TEXT = """# Results of `tiny`

## Verdicts

| Verdict | Claim |
| --- | --- |
| not run | Kernels of 9 are no better than kernels of 7 |

![A picture](../plots/there.png)

![Another](../plots/absent.png)
"""


def made(tmp_path):
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots/there.png").write_bytes(b"picture")
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
    assert content.count('<div class="wide"><table>') == 1


def test_every_section_is_linked_from_the_top(tmp_path):
    content = made(tmp_path)
    assert '<a href="#s0">Verdicts</a>' in content
    assert '<h2 id="s0">Verdicts</h2>' in content
