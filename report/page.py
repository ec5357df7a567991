"""The report as one web page that needs nothing else: Markdown rendered, pictures inside."""

import base64
import html
import io
import re
from pathlib import Path
from string import Template

from markdown_it import MarkdownIt
from PIL import Image

from litepose.core.files import write_text
from report.claims import VERDICTS
from report.verdicts import BREAK

_TEMPLATE = Path(__file__).with_name("page.html")
_PICTURE = re.compile(r'<p><img src="([^"]+)" alt="([^"]*)" ?/?></p>')
_HEADING = re.compile(r"<h2>(.*?)</h2>")
_CELL = re.compile(r"<td>(.*?)</td>")
_GROUP = re.compile(r"<td><strong>([^<]*)</strong></td>((?:\s*<td></td>)+)")
_MIXED = re.compile(rf"(\d+ ({'|'.join(VERDICTS)})(, |$))+")
_BREAK = html.escape(BREAK)
_INTERVAL = re.compile(r" (\([-+\d.]+ to [-+\d.]+\))</td>")
_PIXELS_PER_INCH = 128  # of a printed figure on the page: its letters are then as large as in the tables
_PHOTOGRAPHIC = 1_000_000  # bytes of a PNG from which on the page holds a JPEG


def write(path: Path, text: str, directory: Path) -> None:
    """Write the page.

    Args:
        path: of the page.
        text: Markdown; its first line is the title. Tables get verdicts in colour and scroll on their own; a
            row with a bold first cell alone is a heading; a cell of several lines shows the first, until it
            is opened.
        directory: that the text's pictures are given relative to.
    """
    title = text.partition("\n")[0].lstrip("# ").replace("`", "")
    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
    # A box that scrolls must be reachable by keyboard.
    body = body.replace("<table>", '<div class="wide" tabindex="0"><table>')
    body = body.replace("</table>", "</table></div>")
    body = _PICTURE.sub(lambda found: _picture(directory / found[1], found[2]), body)
    body = _GROUP.sub(_heading, body)
    body = _CELL.sub(_cell, body)
    body = _INTERVAL.sub(r"<br><small>\1</small></td>", body)
    body = _with_contents(body)
    page = Template(_TEMPLATE.read_text()).substitute(title=html.escape(title), body=body)
    write_text(path, page)


def _picture(path: Path, text: str) -> str:
    """A picture with its bytes inside, as wide as in print, or a sentence where it is missing.

    One beside which there is another of its name that ends in `_narrow` gives way to it on narrow screens.
    """
    if not path.is_file():
        return f"<p><em>{path.name} was not drawn.</em></p>"
    source, width = _source(path)
    picture = f'<img src="{source}" alt="{text}" style="--width: {width}px">'
    narrow = path.with_stem(f"{path.stem}_narrow")
    if narrow.is_file():
        twin = f'<source media="(max-width: 60rem)" srcset="{_source(narrow)[0]}">'
        picture = f"<picture>{twin}{picture}</picture>"
    return f'<div class="picture" tabindex="0">{picture}</div>'


def _source(path: Path) -> tuple[str, int]:
    """A picture as an address that holds its bytes, and its width on the page in pixels."""
    content, kind = path.read_bytes(), "png"
    with Image.open(path) as image:
        width = round(image.width / image.info["dpi"][0] * _PIXELS_PER_INCH)
        if len(content) > _PHOTOGRAPHIC:
            file, kind = io.BytesIO(), "jpeg"
            image.convert("RGB").save(file, "JPEG", quality=85)
            content = file.getvalue()
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}", width


def _heading(found: re.Match[str]) -> str:
    """A row of a table that has one cell."""
    return f'<td class="group" colspan="{1 + found[2].count("<td>")}"><span>{found[1]}</span></td>'


def _cell(found: re.Match[str]) -> str:
    """Verdicts are coloured, further lines folded, and long texts may break; numbers stay on their line."""
    text = found[1]
    if text in VERDICTS:
        return f'<td class="verdict {text.replace(" ", "-")}">{text}</td>'
    if _MIXED.fullmatch(text):
        return f'<td class="verdict mixed">{text}</td>'
    if _BREAK in text:
        first, *lines = text.split(_BREAK)
        return f"<td><details><summary>{first}</summary>{'<br>'.join(lines)}</details></td>"
    return f'<td class="words">{text}</td>' if len(text) > 30 else found[0]


def _with_contents(body: str) -> str:
    """Links to all sections before the first of them."""
    titles = _HEADING.findall(body)
    links = "".join(f'<a href="#s{number}">{title}</a>' for number, title in enumerate(titles))
    numbers = iter(range(len(titles)))
    body = _HEADING.sub(lambda found: f'<h2 id="s{next(numbers)}">{found[1]}</h2>', body)
    return body.replace("<h2", f"<nav>{links}</nav>\n<h2", 1)
