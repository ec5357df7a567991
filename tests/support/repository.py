"""Commands of git and DVC in a repository that a test makes."""

import os
import subprocess
import sys
from pathlib import Path

ENVIRONMENT = {
    **os.environ,
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    "GIT_AUTHOR_NAME": "test",
    "GIT_AUTHOR_EMAIL": "test@localhost",
    "GIT_COMMITTER_NAME": "test",
    "GIT_COMMITTER_EMAIL": "test@localhost",
}


def run(directory, *command, check=True, **variables):
    """What a command writes; it must succeed, unless it need not."""
    result = subprocess.run(
        command,
        cwd=directory,
        env=ENVIRONMENT | variables,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert result.returncode == 0 or not check, result.stdout[-4000:]
    return result.stdout


def dvc(directory, *arguments, check=True, **variables):
    """What DVC writes, called with arguments."""
    return run(directory, sys.executable, "-m", "dvc", *arguments, check=check, **variables)


def commit(directory, message):
    """Commit all files of a repository."""
    run(directory, "git", "add", "--all")
    run(directory, "git", "commit", "--quiet", "--message", message)
