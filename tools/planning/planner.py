"""What each stage does: as many images and steps as the parameters say, at the measured cost of each."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

from torch import nn

from litepose.core.cores import cores
from litepose.core.errors import InputError
from litepose.models.litepose import ARCHITECTURES, LitePose
from litepose.models.space import Configuration
from litepose.models.supernet import Supernet
from litepose.training.schedule import Schedule
from stages.lib.common.parameters import PARAMS, Values
from stages.lib.training.training import CLASSIFICATION, Training, schedule, space
from stages.ranking import configurations
from stages.search import devices
from tools.planning import latency, trainings
from tools.planning.costs import STAND_FOR_ALL, Costs, parameters, state_bytes
from tools.planning.images import Counts
from tools.planning.timing import ADAM_BYTES, Cost
from tools.planning.trainings import Planned, Stage
from tools.planning.work import Work

CANDIDATES = 3  # that stand for all of a search
# Stages that take little more than their start: nothing of them is measured
STARTS = {"stages.complexity", "stages.examples", "stages.published", "stages.report"}


class Planner:
    """Plans stages.

    Args:
        stages: of the pipeline, all of them.
        values: parameters of the run.
        counts: images of its data sets.
        costs: of one image.
        start: seconds that a Python process takes to load what a stage needs.
    """

    def __init__(
        self, stages: Sequence[Stage], values: Values, counts: Counts, costs: Costs, start: float
    ) -> None:
        self.values, self.counts, self.costs, self.start = values, counts, costs, start
        self.processes = values["compute"]["processes"] * values["compute"]["nodes"]
        self._special: Mapping[str, Callable[[Stage], Work]] = {
            "stages.dataset": self._dataset,
            "stages.test": self._test_stage,
            "stages.test_classification": self._test_classification,
            "stages.test_supernet": self._test_supernet,
            "stages.search": self._search,
            "stages.ranking": self._ranking,
            "stages.test_ranking": self._test_ranking,
            "stages.latency": self._latency,
            "stages.latency_model": self._latency_model,
            "stages.tuning": self._tuning,
            **dict.fromkeys(STARTS, lambda stage: Work()),
        }
        self.trainings: dict[str, Planned] = {}  # by <stage>/<run>
        self._of_stage: dict[str, str] = {}
        for stage in stages:
            if stage.module not in self._special and (planned := trainings.planned(stage, values)):
                self.trainings[planned.training.name] = planned
                self._of_stage[stage.name] = planned.training.name

    def work(self, stage: Stage) -> Work:
        """What a stage does, the start of its process included."""
        plan = self._special.get(stage.module, self._training)
        return plan(stage) + Work(seconds=self.start)

    # Training

    def _training(self, stage: Stage) -> Work:
        planned = self._planned(self._of_stage[stage.name])
        training, values = planned.training, self.values
        network = self.costs.network(training)
        images = self.counts.fit(training.data, values)
        cost = self.costs.step(
            network, training, self._share(training.schedule, images), self._teacher(training)
        )
        work = self._fit(cost, network, images, training.schedule)
        if training.has_ap:
            points = _points(training.schedule.epochs, values["monitor"]["every"])
            data = values[training.data]
            monitored = min(values["monitor"]["images"], self.counts.of(training.data, data["monitor"]).all)
            work += self._test(network, training.data, training.resolution, points * monitored)
        return work.times(planned.networks)

    def _fit(self, cost: Cost, network: nn.Module, images: int, schedule: Schedule) -> Work:
        """Training a network, and its file."""
        steps = schedule.epochs * max(1, images // schedule.batch_size)
        batch, share = min(schedule.batch_size, images), self._share(schedule, images)
        parts = self.values["recipe"]["accumulate_grad"]
        count = parameters(network)
        return Work(
            trained=steps * batch,
            steps=steps,
            macs=steps * batch * cost.macs,
            seconds=steps * share * cost.seconds,
            memory=ADAM_BYTES * count + cost.memory * -(-share // parts),
            disk=state_bytes(network),
            checkpoint=ADAM_BYTES * 3 / 4 * count,
            share=cost.images / share,
        )

    def _share(self, schedule: Schedule, images: int) -> int:
        """Images of a batch in each process."""
        return max(1, min(schedule.batch_size, images) // self.processes)

    def _teacher(self, training: Training) -> Training | None:
        """The training of the network that this one imitates."""
        if not training.teacher:
            return None
        file = training.teacher.weights
        return self._planned(f"{file.parent.parent.name}/{file.parent.name}").training

    def _planned(self, name: str) -> Planned:
        if name not in self.trainings:
            raise InputError(f"{PARAMS}: no stage trains {name}, which another one reads")
        return self.trainings[name]

    # Tests

    def _test(self, network: nn.Module, data: str, resolution: int, images: int) -> Work:
        """A test of so many images, which the processes share."""
        cost = self.costs.test(network, data, resolution)
        seconds = images * cost.seconds / self.processes
        return Work(tested=images, macs=images * cost.macs, seconds=seconds)

    def _test_all(self, network: nn.Module, data: str, resolution: int) -> Work:
        """A test of a data set's test splits, and the files of predictions."""
        images = sum(self.counts.of(data, split).all for split in self.values[data]["test"])
        size = self.costs.test(network, data, resolution).size
        return self._test(network, data, resolution, images) + Work(disk=images * size)

    def _test_stage(self, stage: Stage) -> Work:
        name, data = stage.arguments
        planned = self._planned(name)
        network = self.costs.network(planned.training)
        return self._test_all(network, data, planned.training.resolution).times(planned.networks)

    def _test_classification(self, stage: Stage) -> Work:
        planned = self._planned(f"kernels_classification/{stage.arguments[0]}")
        training, images = planned.training, self.counts.of(CLASSIFICATION, "val").all
        cost = self.costs.classification(
            self.costs.network(training), training.resolution, training.schedule.batch_size
        )
        return _passing(cost, images).times(planned.networks)

    def _test_supernet(self, stage: Stage) -> Work:
        planned = self._planned(f"supernet/{stage.arguments[0]}")
        training = planned.training
        widest = self._supernet(training.run).extract(ARCHITECTURES["full"])
        work = self._test_all(widest, "crowdpose", training.resolution)
        images = training.schedule.batch_size
        work += self._views(training.resolution, images) + self._calibration(
            widest, training.resolution, images
        )
        return work.times(planned.networks)

    # Sub-networks of a supernet

    def _search(self, stage: Stage) -> Work:
        name, settings = stage.arguments[0], self.values["search"]
        run = settings["runs"][name]
        chosen = trainings.candidates(name, self.values, CANDIDATES)
        candidates = [self._candidate(run["supernet"], one, settings["images"]) for one in chosen]
        # A random search begins as the evolution does.
        evaluations = settings["repeats"] * settings["population"] * (2 * settings["generations"] - 1)
        work = sum(candidates, Work()).times(evaluations / len(candidates))
        work = dataclasses.replace(work, seconds=work.seconds / len(devices(self.values["device"])))
        for resolution in space(self.values, run["supernet"]).resolutions:
            work += self._views(resolution, settings["calibration_images"])
            work += Work(seconds=settings["images"] * self.costs.preparation(resolution))
        return work + self._held_out(run["supernet"], chosen)

    def _held_out(self, supernet: str, found: list[Configuration]) -> Work:
        """The networks that the searches find, calibrated and tested on further images."""
        settings = self.values["search"]
        images = min(
            settings["held_out_images"], self.counts.of("crowdpose", self.values["crowdpose"]["test"][0]).all
        )
        tests = [self._candidate(supernet, one, images) for one in found]
        return sum(tests, Work()).times(2 * settings["repeats"] / len(tests))

    def _candidate(self, supernet: str, one: Configuration, images: int) -> Work:
        """A candidate's calibration, and its test on so many images."""
        network, settings = self._sub_network(supernet, one), self.values["search"]
        return self._calibration(network, one.resolution, settings["calibration_images"]) + _passing(
            self.costs.shared_test(network, one.resolution), images
        )

    def _ranking(self, stage: Stage) -> Work:
        name, settings = stage.arguments[0], self.values["ranking"]
        lesson, shared = schedule(self.values, "ranking"), self._planned(f"supernet/{name}").training
        images = min(settings["train_images"], self.counts.fit("crowdpose", self.values))

        def work(one: Configuration) -> Work:
            network = self._sub_network(name, one)
            training = dataclasses.replace(shared, resolution=one.resolution, space=None)
            cost = self.costs.step(network, training, self._share(lesson, images))
            calibrated = self._views(one.resolution, settings["calibration_images"])
            calibrated += self._calibration(network, one.resolution, settings["calibration_images"])
            return calibrated + self._fit(cost, network, images, lesson)

        return self._of_all(configurations(name, self.values), work)

    def _test_ranking(self, stage: Stage) -> Work:
        name, settings = stage.arguments[0], self.values["ranking"]
        chosen = configurations(name, self.values)

        def work(one: Configuration) -> Work:
            network = self._sub_network(name, one)
            # Inherited, calibrated and fine-tuned
            tests = _passing(self.costs.shared_test(network, one.resolution), settings["images"]).times(3)
            return tests + self._calibration(network, one.resolution, settings["calibration_images"])

        total = self._of_all(chosen, work)
        for resolution in {one.resolution for one in chosen}:
            total += self._views(resolution, settings["calibration_images"])
            total += Work(seconds=settings["images"] * self.costs.preparation(resolution))
        return total

    def _of_all(self, items: Sequence[Configuration], work: Callable[[Configuration], Work]) -> Work:
        """The work of all configurations, of which some are measured."""
        chosen = trainings.spread(items, self.costs.macs(items), STAND_FOR_ALL)
        return sum((work(items[number]) for number in chosen), Work()).times(len(items) / len(chosen))

    def _supernet(self, run: str) -> Supernet:
        network = self.costs.network(self._planned(f"supernet/{run}").training)
        assert isinstance(network, Supernet)
        return network

    def _sub_network(self, supernet: str, one: Configuration) -> LitePose:
        return self._supernet(supernet).extract(one.architecture)

    def _views(self, resolution: int, images: int) -> Work:
        """Training views in memory."""
        return Work(seconds=images * self.costs.view(resolution))

    def _calibration(self, network: nn.Module, resolution: int, images: int) -> Work:
        return _passing(self.costs.calibration(network, resolution), images)

    # Latency

    def _latency(self, stage: Stage) -> Work:
        device, seed = stage.arguments[0], self.values["seed"]
        return Work(seconds=latency.seconds(self.values["latency"], device, seed))

    def _latency_model(self, stage: Stage) -> Work:
        return Work(seconds=self.values["latency_model"]["max_seconds"])

    def _tuning(self, stage: Stage) -> Work:
        return Work(seconds=latency.tuning_seconds(self.values["latency"]))

    # Data

    def _dataset(self, stage: Stage) -> Work:
        name = stage.arguments[0]
        if self.values[name]["source"] != "synthetic":
            return Work()
        pictures, splits = self.costs.pictures(name), self.counts.splits[name]
        images = sum(count.all for count in splits.values())
        # Each split is drawn by new processes.
        seconds = images * pictures.seconds / cores() + self.start * len(splits)
        return Work(seconds=seconds, disk=images * pictures.size)


def _passing(cost: Cost, images: int) -> Work:
    """A network that looks at so many images."""
    return Work(tested=images, macs=images * cost.macs, seconds=images * cost.seconds)


def _points(epochs: int, every: int) -> int:
    """Points of an AP curve: one every so many epochs, and the last."""
    return epochs // every + (epochs % every > 0)
