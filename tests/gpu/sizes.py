"""How much is computed: all of it on a GPU, as little as shows anything on a processor."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """A training step that is timed: a system of the zoo or `supernet`, side of its input in px, images."""

    system: str
    resolution: int
    images: int

    @property
    def name(self) -> str:
        """What it is."""
        return f"{self.system} at {self.resolution} px, batch {self.images}"


@dataclass(frozen=True)
class Sizes:
    """Sizes of all parts.

    Attributes:
        depth: relative depth of the networks.
        workers: processes that read pictures beside the steps, and at most that draw them.
        compiled: whether torch.compile translates, which takes minutes of a processor.
        step_depth: of the networks of checked steps, whose rounding errors grow with every layer.
        step_side, teacher_side, step_images: px and images of a checked step.
        pictures, picture_side: drawn pictures that a network is fitted to, and px of their shorter side.
        fit_epochs: over them.
        cases: of the training steps.
        timed_steps: between two looks at the clock.
        timed_seconds: of steps, per case and way.
        data_pictures, data_repeats, data_side: pictures whose reading is timed, how often an epoch has each,
            px of their shorter side.
        systems, runtimes, batches: whose inference is timed.
        input_side: px, in place of the published ones; 0 keeps these.
        inference_seconds: per round.
        profile, stages: that are planned; no stages: all.
        small_images: train and val, in place of the profile's where fewer.
        small_side: px, likewise.
        small_epochs: at most.
        small_runs: networks, by their names in the zoo with their kernel.
    """

    name: str
    depth: float
    workers: int
    compiled: bool
    step_depth: float
    step_side: int
    teacher_side: int
    step_images: int
    pictures: int
    picture_side: int
    fit_epochs: int
    cases: tuple[Case, ...]
    timed_steps: int
    timed_seconds: float
    data_pictures: int
    data_repeats: int
    data_side: int
    systems: tuple[str, ...]
    runtimes: tuple[str, ...]
    batches: tuple[int, ...]
    input_side: int
    inference_seconds: float
    profile: str
    stages: tuple[str, ...]
    small_images: tuple[int, int]
    small_side: int
    small_epochs: int
    small_runs: tuple[tuple[str, int], ...]


FULL = Sizes(
    name="full",
    depth=1.0,
    workers=14,
    compiled=True,
    step_depth=0.25,
    step_side=256,
    teacher_side=448,
    step_images=8,
    pictures=64,
    picture_side=256,
    fit_epochs=60,
    cases=(
        Case("litepose-xs", 256, 128),
        Case("litepose-s", 448, 32),
        Case("supernet", 512, 32),
        Case("supernet", 512, 128),
        Case("higherhrnet-w16", 512, 32),
    ),
    timed_steps=8,
    timed_seconds=2.0,
    data_pictures=64,
    data_repeats=16,
    data_side=480,
    # Lite Pose first: what the time does not suffice for is left out.
    systems=(
        "litepose-xs",
        "litepose-s",
        "litepose-m",
        "litepose-l",
        "higherhrnet-w16",
        "higherhrnet-w24",
        "higherhrnet-w48",
        "efficienthrnet-h-1",
        "efficienthrnet-h-2",
        "efficienthrnet-h-3",
        "efficienthrnet-h-4",
        "lightweight-openpose",
        "hourglass-ae",
        "personlab",
    ),
    runtimes=("pytorch", "pytorch-compiled", "tvm", "onnxruntime"),
    batches=(1, 32),
    input_side=0,
    inference_seconds=0.5,
    profile="paper",
    stages=(),
    small_images=(12_000, 500),
    small_side=320,
    small_epochs=20,
    small_runs=(("litepose-s", 7), ("litepose-half", 3), ("litepose-half", 7)),
)
TINY = Sizes(
    name="tiny",
    depth=0.1,
    workers=0,
    compiled=False,
    step_depth=0.1,
    step_side=64,
    teacher_side=64,
    step_images=4,
    pictures=4,
    picture_side=96,
    fit_epochs=60,
    cases=(Case("litepose-xs", 32, 2), Case("supernet", 32, 2)),
    timed_steps=2,
    timed_seconds=0.05,
    data_pictures=4,
    data_repeats=1,
    data_side=96,
    systems=("litepose-xs",),
    runtimes=("pytorch",),
    batches=(1, 2),
    input_side=64,
    inference_seconds=0.02,
    profile="smoke",
    stages=("pretrain",),
    small_images=(8, 4),
    small_side=96,
    small_epochs=2,
    small_runs=(("litepose-half", 3),),
)
ALL = {sizes.name: sizes for sizes in (FULL, TINY)}
