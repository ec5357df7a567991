"""``litepose finetune``: train on, from trained or released weights, on one's own photographs."""

import argparse
import logging
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from litepose.cli.arguments import (
    add_weights,
    keep_weights,
    not_negative,
    positive,
    positive_number,
    trained,
)
from litepose.cli.data import add_data, find_layout, find_skeleton, train_and_validation
from litepose.cli.scores import Scored, in_percent, score
from litepose.core.cores import cores
from litepose.core.errors import InputError, WriteError
from litepose.datasets.annotations import Annotations
from litepose.datasets.augmentation import Augmentation
from litepose.evaluation import evaluate
from litepose.evaluation.average_precision import percent
from litepose.evaluation.bootstrap import difference
from litepose.finetuning.plan import suitable_size
from litepose.finetuning.run import FineTuning, Settings
from litepose.inference import predict
from litepose.inference.estimator import Estimator, find_device
from litepose.models import weights
from litepose.models.joints import for_joints
from litepose.strides import check_sides

MONITORED_IMAGES, MONITORED_ROUNDS = 50, 5  # of the AP curve

EXAMPLES = """examples:
  litepose finetune litepose-m.pth --official litepose-m --data photographs --out mine.pt --minutes 10
  litepose finetune mine.pt --data photographs --out better.pt --epochs 20 --size 256
  litepose finetune litepose-s.pth --official litepose-s --data hands --skeleton hand.yaml --out hands.pt
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Those of the command."""
    add_weights(parser)
    add_data(parser)
    parser.add_argument("--out", type=Path, required=True, help="file of weights to write")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--minutes", type=positive_number, help="that the training takes, about")
    length.add_argument(
        "--epochs", type=positive, default=10, help="passes over the images; default: %(default)s"
    )
    parser.add_argument(
        "--size",
        type=positive,
        help="px of the image's short side, a multiple of 16, for HRNets of 32; default: as trained, or less "
        "where the photographs are small",
    )
    parser.add_argument("--batch-size", type=positive, default=8, help="default: %(default)s")
    parser.add_argument(
        "--learning-rate", type=positive_number, default=1e-3, help="Adam's at batch 32; default: %(default)s"
    )
    parser.add_argument(
        "--foreground-weight",
        type=float,
        default=0.0,
        help="extra weight of a heatmap's error where a joint is; default: %(default)s, as published",
    )
    parser.add_argument(
        "--tag-weight", type=float, default=1e-3, help="of the tag loss; default: %(default)s, as published"
    )
    parser.add_argument("--validate", type=positive, help="only the first images of the validation split")
    parser.add_argument(
        "--seed", type=not_negative, default=0, help="of order and views; default: %(default)s"
    )
    parser.add_argument(
        "--workers", type=not_negative, default=min(4, cores() - 1), help="default: %(default)s"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda; default: %(default)s")
    parser.epilog = EXAMPLES


def run(arguments: argparse.Namespace) -> None:
    """Train, and print AP before and after."""
    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    keep_weights(arguments)
    start = trained(arguments)
    skeleton = find_skeleton(arguments.skeleton, start.skeleton)
    _, splits = find_layout(arguments, "train")
    images, validation = train_and_validation(splits, skeleton)
    validation = replace(validation, images=validation.images[: arguments.validate])
    model = start.model
    size = arguments.size or suitable_size(start.input_size, images)
    check_sides(model, size)
    if skeleton.joints != start.skeleton.joints:
        model = for_joints(model, start.skeleton, skeleton)
    network = Estimator(model, skeleton, size, find_device(arguments.device))
    arguments.out.parent.mkdir(parents=True, exist_ok=True)

    tuning = FineTuning(
        network.model,
        images,
        skeleton,
        _settings(arguments, size),
        arguments.out,
        [skeleton.fields(), arguments.weights, images.file, [image.id for image in images]],
    )
    _announce(tuning, network, len(images), len(validation))
    before = _score(network, validation)
    print(f"before: AP {_ap(before)} on {len(validation)} validation images", flush=True)
    try:
        tuning.train(_monitor(tuning, network, validation))
        weights.save(arguments.out, network.model, skeleton, size)
    except WriteError as error:
        raise InputError(f"{error} the same command, which goes on after the last whole round") from error
    except KeyboardInterrupt:
        print("interrupted: the same command goes on after the last whole round", file=sys.stderr)
        raise
    tuning.discard_state()
    after = _score(network, validation)
    gain = difference([before.matches], [after.matches])
    print(f"after:  AP {_ap(after)}; gained {in_percent(gain)}")
    print(f"{arguments.out}: the network; {tuning.curves}: its curves")


def _settings(arguments: argparse.Namespace, size: int) -> Settings:
    return Settings(
        resolution=size,
        minutes=arguments.minutes,
        epochs=arguments.epochs,
        batch_size=arguments.batch_size,
        learning_rate=arguments.learning_rate,
        foreground_weight=arguments.foreground_weight,
        tag_weight=arguments.tag_weight,
        augmentation=Augmentation(),
        seed=arguments.seed,
        workers=arguments.workers,
    )


def _announce(tuning: FineTuning, network: Estimator, images: int, validation: int) -> None:
    plan = tuning.plan
    if tuning.resumed:
        print("goes on with the run that was interrupted")
    print(
        f"{images} images with {network.skeleton.num_joints} joints at {network.input_size} px, batches of "
        f"{plan.batch_size}: {plan.images} views in about {_duration(plan.seconds)}, and AP on {validation} "
        "images before and after",
        flush=True,
    )


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes >= 120:
        return f"{seconds / 3600:.1f} hours"
    return f"{minutes} minutes" if minutes > 1 else f"{max(1, round(seconds))} seconds"


def _monitor(
    tuning: FineTuning, network: Estimator, validation: Annotations
) -> Callable[[int], dict[str, float]]:
    """Points of the AP curve: on the first images, without flip test, after some of the rounds."""
    some = replace(validation, images=validation.images[:MONITORED_IMAGES])
    every = max(1, tuning.plan.rounds // MONITORED_ROUNDS)

    def measure(number: int) -> dict[str, float]:
        if number % every:
            return {}
        found = predict(
            network.model, some, network.skeleton, network.input_size, flip=False, device=network.device
        )
        scores = percent(evaluate(some.file, found, network.skeleton, [image.id for image in some]))
        return {"monitor_AP": scores["AP"], "monitor_AP50": scores["AP50"]}

    return measure


def _score(network: Estimator, images: Annotations) -> Scored:
    return score(network.model, images, network.skeleton, network.input_size, device=network.device)


def _ap(scored: Scored) -> str:
    return in_percent(scored.interval())
