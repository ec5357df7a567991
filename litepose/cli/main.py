"""The command ``litepose``: picks the command, and says in one sentence what is wrong with its input."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

import litepose
from litepose.core.errors import DivergedError, InputError

# Module of litepose.cli -> what it does; imported only when it runs, because PyTorch takes seconds.
COMMANDS = {
    "predict": "find people in photographs, videos and cameras: skeletons drawn, and all people in one file",
    "show": "look at an annotated data set as the training sees it: numbers and pictures",
    "finetune": "train on, from trained or released weights, on your own annotated photographs",
    "evaluate": "measure the AP of weights on a data set, with its interval, beside the published AP",
    "export": "write a network as an ONNX, TorchScript or TVM file, after comparing it with PyTorch",
    "benchmark": "time a network in each runtime, with intervals",
}
STORY = """from photographs to a network of your own:
  litepose predict litepose-m.pth photo.jpg clip.mp4 --official litepose-m --out people
  litepose show --data mine --out pictures
  litepose finetune litepose-m.pth --official litepose-m --data mine --out mine.pt --minutes 10
  litepose export mine.pt --out mine.onnx --dynamic
litepose COMMAND --help has the options and examples of a command
"""


class Parser(argparse.ArgumentParser):
    """Says in one sentence what is wrong with an argument, instead of listing all options first."""

    def error(self, message: str) -> NoReturn:
        """See the base."""
        _complain(f"{message}: see {self.prog} --help")
        sys.exit(2)


def main(argv: Sequence[str] | None = None) -> None:
    """Run a command; without arguments those of the process."""
    argv = sys.argv[1:] if argv is None else list(argv)
    try:
        arguments = _parser(argv).parse_args(argv)  # takes seconds: it imports the command's module
        arguments.run(arguments)
    except (InputError, DivergedError) as error:
        sys.exit(_complain(str(error)))
    except OSError as error:
        sys.exit(_complain(f"{error.filename or 'A file'}: {error.strerror or error}"))
    except KeyboardInterrupt:
        sys.exit(130)


def _parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    parser = Parser(
        prog="litepose",
        description="Lite Pose: find people and their joints.",
        epilog=STORY,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"litepose {litepose.__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")
    for name, summary in COMMANDS.items():
        command = commands.add_parser(
            name,
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if name in argv[:1]:
            module = import_module(f"litepose.cli.{name}")
            module.add_arguments(command)
            command.set_defaults(run=module.run)
    return parser


def _complain(sentence: str) -> int:
    print(f"error: {sentence}", file=sys.stderr)
    return 1
