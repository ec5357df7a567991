"""A device's latency, predicted from a Lite Pose network's multiply-accumulates by kind of convolution."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from litepose.complexity import litepose_macs_by_kind
from litepose.core.errors import InputError
from litepose.models.litepose import Architecture


@dataclass(frozen=True)
class LatencyModel:
    """Milliseconds = constant + sum over kinds of (milliseconds per G of its true MACs) * (G of MACs).

    Attributes:
        constant: ms.
        dense, depthwise, transposed: ms per G of MACs in such convolutions.
    """

    constant: float
    dense: float
    depthwise: float
    transposed: float

    @classmethod
    def fit(cls, features: np.ndarray, milliseconds: np.ndarray) -> "LatencyModel":
        """The non-negative coefficients with the least squares of relative errors.

        Args:
            features: of measured networks [N, 4], from `features`; N is at least 4.
            milliseconds: measured [N].

        Raises:
            InputError: there are fewer networks than coefficients.
        """
        if len(features) < 4:
            raise InputError(
                f"a latency model has four coefficients, but {len(features)} networks: give at least 4"
            )
        # Relative errors, since the largest network of a space takes many times as long as the smallest.
        coefficients, _ = nnls(features / milliseconds[:, None], np.ones(len(milliseconds)))
        return cls(*coefficients.tolist())

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Milliseconds [N] of networks with these features [N, 4]."""
        return features @ np.array([self.constant, self.dense, self.depthwise, self.transposed])


def features(architecture: Architecture, resolution: int, num_joints: int, depth: float) -> np.ndarray:
    """What latency is predicted from: 1, then G of MACs in dense, depthwise and transposed convolutions.

    Args:
        architecture: channel widths; arrays for many networks.
        resolution: side of the input in px.
        num_joints: J.
        depth: relative number of blocks of each stage.

    Returns:
        float64 [N, 4]; N is 1 where the widths are no arrays.
    """
    macs = litepose_macs_by_kind(architecture, resolution, num_joints, depth)
    kinds = [np.atleast_1d(macs[kind]) / 1e9 for kind in ("dense", "depthwise", "transposed")]
    return np.stack([np.ones_like(kinds[0]), *kinds], axis=1)


def leave_one_out(features: np.ndarray, milliseconds: np.ndarray) -> np.ndarray:
    """Relative error [N] of each network's prediction by the model that is fitted to all the others."""
    others = ~np.eye(len(milliseconds), dtype=bool)
    predicted = [
        LatencyModel.fit(features[rest], milliseconds[rest]).predict(features[~rest])[0] for rest in others
    ]
    return np.array(predicted) / milliseconds - 1
