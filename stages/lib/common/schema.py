"""What params.yaml may hold: for every key, the values that its stages can work with.

`stages.lib.common.references` checks what several keys must have in common.
"""

import typing
from pathlib import Path

from voluptuous import Any

from stages.lib.common.kinds import (
    different,
    named,
    number,
    odd,
    one_of,
    positive,
    rising,
    several,
    side,
    some_of,
    text,
    truth,
    whole,
)

# Names that the rooms of the library know; a stage that reads parameters would otherwise depend on them.
DRAWN = "drawn"
SPLITS = {"crowdpose": ("train", "val", "trainval", "test", DRAWN), "coco": ("train", "val", "test", DRAWN)}
SUPERNETS = ("xs", "lms")
SHRINKINGS = ("baseline", "shrink1", "shrink2", "shrink3")
SYSTEMS = (
    *("litepose-xs", "litepose-s", "litepose-m", "litepose-l", "litepose-half"),
    *("higherhrnet-w16", "higherhrnet-w24", "higherhrnet-w32", "higherhrnet-w48"),
    *("higherhrnet-w16-shrink1", "higherhrnet-w16-shrink2", "higherhrnet-w16-shrink3"),
    *("efficienthrnet-h-1", "efficienthrnet-h-2", "efficienthrnet-h-3", "efficienthrnet-h-4"),
    *("lightweight-openpose", "hourglass-ae", "personlab"),
)
OPTIMIZERS = ("adam", "muon")
PRECISIONS = ("float32", "bfloat16", "float16")
RUNTIMES = ("pytorch", "pytorch-compiled", "onnxruntime", "tvm")
SKELETON_FILES = Path("skeletons")  # of joints other than COCO's and CrowdPose's
# The largest stride of the networks of a family, which the side of their inputs is a multiple of
STRIDES = {"litepose": 16, "higherhrnet": 32, "efficienthrnet": 32, "hourglass": 64}
TRAINABLE = tuple(name for name in SYSTEMS if name.partition("-")[0] in STRIDES)

_RUN = text(r"[A-Za-z0-9][\w.-]*", "a run's name of letters, digits, '.', '_' and '-'")
_NAME = text(r"\S(.*\S)?", "a name")
_PATH = text(r"\S(.*\S)?", "a path")
_KERNELS = "different odd whole numbers, as in [3, 5, 7, 9]"


def _scenes() -> dict[str, typing.Any]:
    return {
        "short_side": whole(32, 4096),
        "min_height": number(0, 1),
        "max_people": whole(1, 30),
        "max_crowd_index": number(0, 1),
        "jpeg_quality": whole(0, 100),
    }


def _keypoints(name: str) -> dict[str, typing.Any]:
    """A data set of people in one of the layouts."""
    return {
        "source": one_of(("synthetic", "local", "download")),
        "root": _PATH,
        "skeleton": _NAME,
        "images": {split: whole() for split in ("train", "val", "test", DRAWN)},
        "scenes": _scenes(),
        "fit": some_of(SPLITS[name], least=1),
        "monitor": one_of(SPLITS[name]),
        "test": some_of(SPLITS[name], least=1),
        "max_pixels": whole(1),
    }


def _schedule(**others: typing.Any) -> dict[str, typing.Any]:
    """How long a network is trained, and how fast it learns."""
    return others | {
        "epochs": whole(1, 100_000),
        "batch_size": whole(1, 100_000),
        "learning_rate": positive(most=10),
        "milestones": several(number(0, 100_000), "a list of epochs, as in [200, 260]"),
        "warmup_epochs": number(0, 100_000),
        "decay_epochs": number(0, 100_000),
    }


SCHEMA: dict[str, typing.Any] = {
    "profile": _NAME,
    "seed": whole(0, 2**32 - 1),
    "seeds": different(whole(0, 2**32 - 1), "different whole numbers, as in [0, 1, 2]", least=1),
    "device": text(r"auto|cpu|cuda(:\d+)?", "auto, cpu, cuda, or one GPU such as cuda:1"),
    "workers": whole(0, 1024),
    "compute": {"processes": whole(1, 1024), "nodes": whole(1, 1024), "launch": text(".*", "a command")},
    "crowdpose": _keypoints("crowdpose"),
    "coco": _keypoints("coco"),
    "classification": {
        "source": one_of(("synthetic", "local", "download")),
        "root": _PATH,
        "images": {split: whole() for split in ("train", "val")},
        "size": whole(16, 4096),
        "max_pixels": whole(1),
    },
    "recipe": {
        "depth": positive(most=4),
        "foreground_weight": number(),
        "push_weight": number(),
        "pull_weight": number(),
        "augmentation": {
            "rotation": number(0, 180),
            "scale": rising(
                positive(most=100), "two numbers above 0, the smaller one first, as in [0.75, 1.5]"
            ),
            "translation": number(0, 1000),
            "flip": number(0, 1),
        },
        "optimizer": one_of(OPTIMIZERS),
        "clip_gradient": number(),
        "precision": one_of(PRECISIONS),
        "compile": truth,
        "accumulate_grad": whole(1),
    },
    "evaluation": {
        "flip": truth,
        "scales": different(positive(most=100), "a list of different numbers above 0, as in [0.5, 1, 2]", 1),
        "crowdpose_evaluator": one_of(("faster-coco-eval", "crowdposetools")),
        "max_side": whole(64),
    },
    "monitor": {"every": whole(1), "images": whole(1)},
    "pretrain": _schedule(resolution=side(16)),
    "shrink": _schedule(runs=some_of(SHRINKINGS), resolution=side(32)),
    "kernels": _schedule(runs=different(odd(63), _KERNELS, least=1), resolution=side(16)),
    "kernels_classification": _schedule(runs=different(odd(63), _KERNELS), resolution=whole(16, 4096)),
    "baselines": _schedule(
        runs={named(one_of(TRAINABLE)): {"data": one_of(("crowdpose", "coco")), "resolution": side(16)}}
    ),
    "supernet": {
        "runs": {
            name: _schedule(
                ratios=different(
                    positive(most=1), "different numbers above 0 and up to 1, as in [1.0, 0.5]", 1
                ),
                resolutions=different(side(16), "different multiples of 16, at most 4096 px", 1),
            )
            for name in SUPERNETS
        }
    },
    "search": {
        "runs": {
            named(_RUN): {
                "supernet": one_of(SUPERNETS),
                "budget": positive(),
                "cost": one_of(("macs", "host")),
            }
        },
        "repeats": whole(1),
        "population": whole(1),
        "generations": whole(1),
        "parents": whole(1),
        "mutation": number(0, 1),
        "flip": truth,
        "max_side": whole(64),
        "images": whole(1),
        "held_out_images": whole(1),
        "calibration_images": whole(1),
    },
    "ranking": _schedule(
        runs=some_of(SUPERNETS),
        configurations=whole(1, 10_000),
        train_images=whole(1),
        images=whole(1),
        calibration_images=whole(1),
    ),
    "ablation": _schedule(
        runs={named(_RUN): {"architecture": _RUN, "fusion": truth}},
        supernet_runs={named(_RUN): {"architecture": _RUN, "supernet": one_of(SUPERNETS)}},
    ),
    "finetune": _schedule(runs=different(_RUN, "a list of different names, as in [s, m]")),
    "distill": _schedule(weight=number()),
    "transfer": _schedule(runs={named(_RUN): {"supernet": one_of(SUPERNETS)}}),
    "latency": {
        "devices": different(_NAME, "a list of different devices, as in [host, cuda]"),
        "systems": some_of(SYSTEMS),
        "runtimes": {named(one_of(RUNTIMES)): Any("all", [_NAME], msg="expected all, or a list of systems")},
        "trials": whole(),
        "minutes": number(),
        "threads": whole(0, 1024),
        "rounds": whole(2),
        "visits": whole(1),
        "warmup": whole(),
        "repeats": whole(1),
        "max_seconds": positive(),
    },
    "latency_model": {
        "supernet": one_of(SUPERNETS),
        "configurations": whole(5, 10_000),
        "warmup": whole(),
        "repeats": whole(1),
        "max_seconds": positive(),
    },
}
