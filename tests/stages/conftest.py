"""A project in which stages run, with data sets that are drawn once."""

import pytest
import torch

from support import stage_project


@pytest.fixture(scope="session")
def drawn(tmp_path_factory):
    """A directory with small drawn data sets of people."""
    directory = tmp_path_factory.mktemp("drawn")
    stage_project.draw(directory)
    return directory


@pytest.fixture
def project(tmp_path, monkeypatch, drawn):
    """An empty project with the data sets drawn; the working directory of a test."""
    torch.set_num_threads(1)
    stage_project.link(tmp_path, drawn)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def values():
    """The parameters of the project; a test may change its own."""
    return stage_project.smoke()
