"""Loads the checkpoints of the authors' released code (LitePose, HigherHRNet, EfficientHRNet)."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from litepose.core.errors import InputError
from litepose.models.supernet import Supernet
from litepose.models.tensor_file import check_finite, is_dense
from litepose.models.zoo import create, names

Rules = tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...]

# Patterns of the released names and what they become here, applied from first to last.
_LITEPOSE_RULES: Rules = (
    (r"^first\.", "backbone.stem."),
    (r"^stage\.", "backbone.stages."),
    (r"\.inv\.", ".expand."),
    (r"\.depth_conv\.", ".depthwise."),
    (r"\.point_conv\.", ".project."),
    (r"^deconv_refined\.", "deep_deconvs."),
    (r"^deconv_raw\.", "raw_deconvs."),
    (r"^deconv_bnrelu\.", "deconv_norms."),
    (r"^final_refined\.(\d)\.conv\.", r"deep_heads.\1."),
    (r"^final_raw\.(\d)\.conv\.", r"raw_heads.\1."),
)
_HRNET_RULES: Rules = (
    (r"^conv(\d)\.", lambda match: f"stem.{int(match[1]) - 1}.0."),
    (r"^bn(\d)\.", lambda match: f"stem.{int(match[1]) - 1}.1."),
    (r"^layer1\.", "bottlenecks."),
    (r"\.conv(\d)\.", r".conv\1.0."),
    (r"\.bn(\d)\.", r".conv\1.1."),
    (r"\.downsample\.", ".shortcut."),
    # The convolution of a new branch is nested once more in the released code.
    (r"^transition(\d)\.(\d)\.(0\.(?=\d))?", lambda match: f"transitions.{int(match[1]) - 1}.{match[2]}."),
    (
        r"^trans(\d)_branch(\d)\.",
        lambda match: f"transitions.{int(match[1]) - 1}.{int(match[2]) - 1}.",
    ),
    (r"^stage(\d)\.", lambda match: f"stages.{int(match[1]) - 2}."),
    (r"\.fuse_layers\.", ".fusions."),
    (r"^final_layers\.", "head.predictions."),
    (r"^deconv_layers\.0\.0\.", "head.deconv.0."),
    (r"^deconv_layers\.0\.(\d)\.0\.", r"head.deconv.\1."),
    (r"^features\.(\d+)\.conv\.", r"backbone.\1.layers."),
    (r"^features\.", "backbone."),
    (r"\.se\.", ".gate."),
)
_RULES = {"litepose": _LITEPOSE_RULES, "supernet": _LITEPOSE_RULES, "higherhrnet": _HRNET_RULES}
_RULES["efficienthrnet"] = _HRNET_RULES
# The layer that gives the heatmaps at stride 2: as many as joints
_FINE_HEATMAPS = dict.fromkeys(("litepose", "supernet"), "deep_heads.1.3.weight")
_FINE_HEATMAPS |= dict.fromkeys(("higherhrnet", "efficienthrnet"), "head.predictions.1.weight")
# The released supernet carries transforms to smaller kernels, which it never uses.
_UNUSED = re.compile(r"\.Linear\dx\d\.")


def released_joints(name: str, state_dict: Mapping[str, Any]) -> int:
    """Keypoints of one person that a checkpoint of the authors' released code predicts.

    Args:
        name: as for `load_official`.
        state_dict: as for `load_official`.

    Raises:
        InputError: there is no released code for that model, or the checkpoint has no such predictions.
    """
    rules = _rules(name)
    last = _FINE_HEATMAPS[name.partition("-")[0]]
    for key, tensor in _released_tensors(state_dict).items():
        if _rename(key, rules) == last:
            return tensor.shape[0] if tensor.dim() else 0
    raise InputError(
        f"The checkpoint has no tensor for {last} of {name}: give the checkpoint of {name}, or name the "
        "model that this one is of."
    )


def load_official(name: str, num_joints: int, state_dict: Mapping[str, Any]) -> nn.Module:
    """Build a model with the weights of a checkpoint of the authors' released code.

    Args:
        name: a LitePose, HigherHRNet or EfficientHRNet of the zoo, or ``supernet``.
        num_joints: keypoints of one person, 14 for CrowdPose or 17 for COCO.
        state_dict: the checkpoint; also nested under ``state_dict``, or with a ``module.`` or ``1.`` prefix.

    Returns:
        The model in evaluation mode; a `Supernet` in its widest configuration.

    Raises:
        InputError: there is no released code for that model, or a tensor is missing, unknown, or misshapen.
    """
    rules = _rules(name)
    model = Supernet(num_joints) if name == "supernet" else create(name, num_joints)
    network = model.network if isinstance(model, Supernet) else model
    released = _released_tensors(state_dict)
    renamed = {_rename(key, rules): key for key in released if not _UNUSED.search(key)}
    expected = network.state_dict()
    _check(name, num_joints, expected, released, renamed)
    state = {own: released[key] for own, key in renamed.items()}
    check_finite({renamed[own]: tensor for own, tensor in state.items()}, "The checkpoint's")
    network.load_state_dict(state)
    return model.eval()


def _rules(name: str) -> Rules:
    rules = _RULES.get(name.partition("-")[0])
    if rules is None:
        known = [model for model in names() if model.partition("-")[0] in _RULES]
        raise InputError(f"No checkpoint was released for {name!r}: choose supernet or {', '.join(known)}.")
    return rules


def _released_tensors(state_dict: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    nested = state_dict.get("state_dict", state_dict) if isinstance(state_dict, Mapping) else None
    if not isinstance(nested, Mapping):
        raise InputError(
            "The checkpoint is not a state dict of names and tensors: give the file of the weights."
        )
    for key, value in nested.items():
        if not isinstance(key, str) or not is_dense(value):
            found = f"{str(key)[:80]} is a {type(value).__name__}"
            raise InputError(f"The checkpoint holds more than tensors ({found}): save its state_dict alone.")
    return {re.sub(r"^(module\.)?(1\.)?", "", key): tensor for key, tensor in nested.items()}


def _rename(key: str, rules: Rules) -> str:
    for pattern, replacement in rules:
        key = re.sub(pattern, replacement, key)
    return key


def _check(
    name: str,
    num_joints: int,
    expected: Mapping[str, torch.Tensor],
    released: Mapping[str, torch.Tensor],
    renamed: Mapping[str, str],
) -> None:
    fix = f"give the checkpoint of {name} with {num_joints} joints, or name the model that this one is of"
    for own in expected.keys() - renamed.keys():
        raise InputError(f"The checkpoint has no tensor for {own} of {name}: {fix}.")
    for own in renamed.keys() - expected.keys():
        raise InputError(f"The checkpoint's tensor {renamed[own]} is not part of {name}: {fix}.")
    for own, tensor in expected.items():
        given = released[renamed[own]]
        if given.shape != tensor.shape:
            raise InputError(
                f"The checkpoint's tensor {renamed[own]} has the shape {list(given.shape)} where {name} has "
                f"{list(tensor.shape)}: {fix}."
            )
