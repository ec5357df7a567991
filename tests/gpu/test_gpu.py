"""The check of a GPU, walked through on the processor: every part runs, and what is broken is caught."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from gpu import absent, trainings, wheels
from gpu.__main__ import main, parser
from gpu.parts import PARTS, steps
from gpu.parts.people import compared
from gpu.record import FAILED, LATE, NOT_RUN, PASSED, NotRun, Record, Within, state_of
from gpu.run import earlier, end, unpack
from gpu.sizes import FULL, TINY
from report import gpu as rendered
from support import ROOT

CPU = torch.device("cpu")
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}


def command(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "gpu", "run", "--device", "cpu", *map(str, arguments)],
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """The results file of a dry run of all parts."""
    file = tmp_path_factory.mktemp("dry") / "gpu.json"
    done = command("--file", file)
    assert done.returncode == 0, done.stdout + done.stderr
    return file


def parts_of(file):
    return json.loads(file.read_text())["parts"]


def test_every_part_runs_and_its_checks_hold(results):
    parts = parts_of(results)
    assert set(parts) == {str(number) for number in PARTS}
    for number, part in parts.items():
        assert part["state"] == PASSED, (number, part)
        for name, item in part["items"].items():
            assert item["state"] in (PASSED, NOT_RUN), (name, item)


def test_only_what_a_processor_has_not_is_left_out(results):
    left_out = {
        name: item["why"]
        for part in parts_of(results).values()
        for name, item in part["items"].items()
        if item["state"] == NOT_RUN
    }
    assert set(left_out.values()) == {"torch.compile takes minutes of a processor", "NCCL needs a GPU"}


def test_parts_that_passed_are_not_repeated(results):
    before = results.read_text()
    done = command("--file", results, "--parts", "1,2,3")
    assert done.stdout.count("passed before") == 3
    assert parts_of(results) == json.loads(before)["parts"]


def test_results_of_another_device_are_begun_anew(results):
    machine = json.loads(results.read_text())["machine"]
    assert earlier(results, machine, TINY)["parts"]
    assert not earlier(results, machine | {"device": "cuda", "gpu": "another"}, TINY)["parts"]
    assert not earlier(results, machine, FULL)["parts"]


def test_the_results_become_tables(results):
    text = rendered.markdown(results)
    for title in ("Parts", "Training steps", "Data", "Inference", "Cost of a profile", "Trainings on drawn"):
        assert f"*{title}" in text
    assert "litepose-xs at 32 px, batch 2 | float32 |" in text
    assert "one process, nccl: not run (NCCL needs a GPU)" in text
    assert "Sizes: tiny" in text


def test_where_there_are_no_results_the_table_says_so(tmp_path):
    assert rendered.markdown(tmp_path / "gpu.json") == f"{rendered.NONE}\n"
    main(["table", "--file", str(tmp_path / "gpu.json")])
    assert (tmp_path / "gpu.md").read_text() == f"{rendered.NONE}\n"


def test_a_device_that_is_not_there_is_told_in_one_sentence(tmp_path):
    done = command("--device", "cuda:9", "--file", tmp_path / "gpu.json")
    assert done.returncode == 1
    assert done.stderr.startswith("error: the device cuda:9 cannot be used: ")
    assert done.stderr.count("\n") == 1


def test_an_unknown_part_is_refused(capsys):
    with pytest.raises(SystemExit):
        parser().parse_args(["run", "--parts", "1,9"])
    assert "there is no part 9" in capsys.readouterr().err


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    trainings.write_pictures(folder, 2 * TINY.step_images, TINY.step_side)
    return folder


@pytest.fixture(scope="module")
def reference(pictures):
    return steps.reference("pose", pictures, TINY)


def record(tmp_path, seconds=60):
    return Record(tmp_path / "items.json", seconds, tmp_path)


def step_of(tmp_path, pictures, reference, broken):
    """The item of a step of a network and its task after something was done to them."""
    model, task = trainings.network("pose", TINY.step_depth), trainings.task("pose", pictures, CPU, TINY)

    def measured():
        changed = broken(model, task) or model
        return reference.compare(trainings.one_step(changed, task), "float32")

    kept = record(tmp_path)
    kept.measure("step", measured)
    return kept.items["step"]


def test_an_unbroken_step_passes(tmp_path, pictures, reference):
    assert step_of(tmp_path, pictures, reference, lambda model, task: None)["state"] == PASSED


def test_weights_of_the_wrong_type_are_caught(tmp_path, pictures, reference):
    item = step_of(tmp_path, pictures, reference, lambda model, task: trainings.Double(model.bfloat16()))
    assert item["state"] == FAILED
    assert "gradient_error is not at most" in item["why"]


def test_a_layer_of_the_wrong_type_is_caught(tmp_path, pictures, reference):
    item = step_of(tmp_path, pictures, reference, lambda model, task: model.deep_heads[0].half() and None)
    assert item["state"] == FAILED


def test_a_step_that_is_not_in_the_format_asked_for_is_caught(tmp_path, pictures):
    model, task = trainings.network("pose", TINY.step_depth), trainings.task("pose", pictures, CPU, TINY)
    forward = model.forward
    model.forward = lambda images: _without_autocast(forward, images)
    with pytest.raises(ValueError, match=r"convolutions give \['torch.float32'\], not torch.bfloat16"):
        trainings.lowered_step(model, task, "bfloat16")


def _without_autocast(forward, images):
    with torch.autocast("cpu", enabled=False):
        return forward(images)


def test_a_batch_left_on_another_device_is_caught(tmp_path, pictures):
    """The network is on a device that holds no values and refuses tensors of any other."""
    model = trainings.network("pose", TINY.step_depth).to("meta")
    task = trainings.task("pose", pictures, CPU, TINY)
    kept = record(tmp_path)
    kept.measure("step", lambda: {"loss": trainings.one_step(model, task).losses["loss"]})
    assert kept.items["step"]["state"] == FAILED
    assert "device" in kept.items["step"]["why"]


def test_a_tensor_left_on_another_device_is_caught(tmp_path, pictures, reference):
    """It takes no part in the step, so that nothing else complains."""
    item = step_of(
        tmp_path,
        pictures,
        reference,
        lambda model, task: model.register_buffer("forgotten", torch.zeros(1, device="meta")),
    )
    assert item == {"state": FAILED, "why": "ValueError: forgotten is on meta, not on cpu"}


def test_a_loss_that_is_not_finite_is_caught(tmp_path, pictures, reference):
    def broken(model, task):
        criterion = task.criterion
        task.criterion = lambda outputs, batch: (criterion(outputs, batch)[0] * torch.nan, {})

    item = step_of(tmp_path, pictures, reference, broken)
    assert item["state"] == FAILED
    assert item["why"].startswith("DivergedError: one step: the loss of batch 1 is nan")


def test_a_gradient_that_is_not_finite_is_caught(tmp_path, pictures, reference):
    def broken(model, task):
        model.deep_heads[0][-1].weight.register_hook(lambda gradient: gradient / 0)

    item = step_of(tmp_path, pictures, reference, broken)
    assert item == {"state": FAILED, "why": "DivergedError: one step: a gradient is not finite"}


def test_other_people_are_caught():
    def person(image, x):
        return {"image_id": image, "keypoints": [x, 1.0, 0.9] * 14}

    here = [person(1, 10.0), person(1, 50.0), person(2, 10.0)]
    assert compared(here, here[::-1])["unmatched"].value == 0
    assert compared(here, [person(1, 10.2), person(1, 50.0), person(2, 14.0)])["unmatched"].value > 0.3
    assert compared(here, here[:2])["unmatched"].value > 0.1
    with pytest.raises(ValueError, match="nobody"):
        compared([], [])


def test_what_is_not_a_number_is_above_every_limit(tmp_path):
    kept = record(tmp_path)
    kept.measure("nan", lambda: {"error": Within(float("nan"), 1.0)})
    assert kept.items["nan"]["state"] == FAILED


def test_an_item_without_time_is_late_and_the_next_run_measures_it_alone(tmp_path):
    kept = record(tmp_path, seconds=5)
    kept.measure("short", lambda: {"number": 1.0})
    kept.measure("long", lambda: {"number": 2.0}, seconds=10)
    assert (state_of(kept.items), kept.items["long"]) == (LATE, {"state": LATE})
    kept = record(tmp_path)
    kept.measure("short", lambda: pytest.fail("measured again"))
    assert kept.measure("long", lambda: {"number": 3.0}) == {"number": 3.0}
    assert state_of(kept.items) == PASSED


def test_an_item_in_whose_midst_the_process_ended_is_named(tmp_path):
    code = (
        "import os, pathlib; from gpu.record import Record; folder = pathlib.Path('.')\n"
        "Record(folder / 'items.json', 60, folder).measure('crash', lambda: os._exit(3))"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=ENVIRONMENT)
    item = json.loads((tmp_path / "items.json").read_text())["crash"]
    assert item == {"state": LATE, "why": "its process ended in the midst of it"}


def test_a_missing_package_is_named_and_a_missing_module_of_the_project_is_a_fault(tmp_path):
    def lacks(name):
        raise ModuleNotFoundError(name=name)

    def refuses():
        raise NotRun("no such thing here")

    kept = record(tmp_path)
    kept.measure("package", lambda: lacks("tvm.relax"))
    kept.measure("module", lambda: lacks("litepose.training"))
    kept.measure("device", refuses)
    assert kept.items["package"] == {"state": NOT_RUN, "why": "tvm.relax is not installed"}
    assert kept.items["module"]["state"] == FAILED
    assert kept.items["device"] == {"state": NOT_RUN, "why": "no such thing here"}


def test_the_library_trains_where_the_evaluators_are_missing(tmp_path):
    """The stand-ins come first on the path here, since the packages are installed."""
    absent.write(tmp_path, list(absent.PACKAGES))
    code = (
        "from litepose.training import pose; from litepose.inference import predict\n"
        "from faster_coco_eval import COCO\n"
        "try:\n    COCO({})\n"
        "except ModuleNotFoundError as error:\n    print(error.name)"
    )
    environment = ENVIRONMENT | {"PYTHONPATH": f"{tmp_path}:{ROOT}:{ROOT / 'tests'}"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("faster_coco_eval\n", "")


def test_a_part_that_takes_too_long_is_ended(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    end(process)
    assert process.poll() is not None


def test_wheels_that_are_too_many_or_do_not_fit_are_told(tmp_path, capsys):
    (tmp_path / "some-1.0-py3-none-any.whl").write_bytes(bytes(100))
    assert wheels.size(tmp_path) == 100
    unpack(tmp_path, tmp_path / "packages")
    assert "some-1.0-py3-none-any.whl is not installed" in capsys.readouterr().out
    with (tmp_path / "large.whl").open("wb") as file:
        file.truncate(wheels.MOST)
    with pytest.raises(SystemExit, match="60 MB of wheels, more than 60"):
        wheels.size(tmp_path)


def test_wheels_are_of_the_versions_that_the_project_pins():
    assert [line.partition("==")[0] for line in wheels.pinned()] == list(wheels.PACKAGES)


def test_every_part_of_the_check_is_a_module():
    modules = {path.stem for path in Path(steps.__file__).parent.glob("*.py")} - {"__init__"}
    assert modules == {part.module for part in PARTS.values()}
    assert isinstance(trainings.network("supernet", TINY.step_depth), nn.Module)
