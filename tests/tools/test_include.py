"""Documents show the tables of the last run once they are included."""

from pathlib import Path

from tools import include


def test_a_table_between_markers_is_replaced_and_the_words_around_it_stay(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("metrics").mkdir()
    Path("metrics/a.md").write_text("| new |\n")
    text = "before\n<!-- metrics/a.md -->\n| old |\n| older |\n<!-- end -->\nafter\n"
    shown = include.included(text)
    assert shown == "before\n<!-- metrics/a.md -->\n| new |\n<!-- end -->\nafter\n"
    assert include.included(shown) == shown


def test_only_documents_that_differ_are_written(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("metrics").mkdir()
    Path("metrics/a.md").write_text("| new |\n")
    for name, row in (("old.md", "| old |"), ("new.md", "| new |")):
        Path(name).write_text(f"<!-- metrics/a.md -->\n{row}\n<!-- end -->\n")
    monkeypatch.setattr(include, "DOCUMENTS", (Path("old.md"), Path("new.md")))
    include.main()
    assert capsys.readouterr().out == "old.md\n"
    assert Path("old.md").read_text() == Path("new.md").read_text()
