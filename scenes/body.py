"""From a flat pose to a body that can be drawn: which way it faces, head, face points, feet."""

from dataclasses import dataclass, replace

import numpy as np

HEAD, NECK = 12, 13
FACE_POINTS = ("nose", "left_eye", "right_eye", "left_ear", "right_ear")
# Face points on the head's ellipsoid: degrees to the person's left, and upwards.
_FACE_AZIMUTH = np.radians([0.0, 27.0, -27.0, 97.0, -97.0])
_FACE_ELEVATION = np.radians([-12.0, 10.0, 10.0, 2.0, 2.0])
_SHOULDER_WIDTH, _HIP_WIDTH = 0.29, 0.17  # seen from the front, in units of the body's size


@dataclass(frozen=True)
class Body:
    """One person in the plane of the picture; lengths in the unit of `joints`.

    Attributes:
        joints: [14, 2] in CrowdPose's order.
        girth: the unit in which limbs are thick; larger than 1 where the pose is foreshortened.
        yaw: 0 faces the viewer, pi/2 the picture's right, pi shows the back.
        head_yaw: the same for the head.
        head_pitch: upwards, in radians.
        head_centre: [2].
        head_axes: [2] half width and half height of the head.
        head_up: [2] unit vector to the top of the head.
        toes: [2, 2] of the left and the right foot.
    """

    joints: np.ndarray
    girth: float
    yaw: float
    head_yaw: float
    head_pitch: float
    head_centre: np.ndarray
    head_axes: np.ndarray
    head_up: np.ndarray
    toes: np.ndarray

    @property
    def near_side(self) -> int:
        """0 where the left side is nearer to the viewer, 1 where the right side is."""
        return int(np.sin(self.yaw) > 0)

    def placed(self, scale: float, offset: np.ndarray) -> "Body":
        """The same body, scaled and moved."""
        return replace(
            self,
            joints=self.joints * scale + offset,
            girth=self.girth * scale,
            head_centre=self.head_centre * scale + offset,
            head_axes=self.head_axes * scale,
            toes=self.toes * scale + offset,
        )

    def on_head(self, azimuth: np.ndarray, elevation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Points of the head's ellipsoid: [N, 2] in the picture and [N] depth towards the viewer, -1 to 1.

        Args:
            azimuth: [N] radians from the nose to the person's left.
            elevation: [N] radians upwards.
        """
        sideways = np.sin(azimuth) * np.cos(elevation)
        ahead, upwards = np.cos(azimuth) * np.cos(elevation), np.sin(elevation)
        ahead, upwards = (
            ahead * np.cos(self.head_pitch) - upwards * np.sin(self.head_pitch),
            upwards * np.cos(self.head_pitch) + ahead * np.sin(self.head_pitch),
        )
        x = sideways * np.cos(self.head_yaw) + ahead * np.sin(self.head_yaw)
        depth = ahead * np.cos(self.head_yaw) - sideways * np.sin(self.head_yaw)
        across = np.array([-self.head_up[1], self.head_up[0]])
        half_width, half_height = self.head_axes
        offsets = (x * half_width)[:, None] * across + (upwards * half_height)[:, None] * self.head_up
        return self.head_centre + offsets, depth

    def face(self) -> tuple[np.ndarray, np.ndarray]:
        """`FACE_POINTS` in the picture [5, 2], and whether they lie on the head's near side [5]."""
        points, depth = self.on_head(_FACE_AZIMUTH, _FACE_ELEVATION)
        return points, depth > np.array([-0.05, 0.05, 0.05, -0.2, -0.2])


def build_body(joints: np.ndarray, rng: np.random.Generator) -> Body:
    """Derives what a flat pose leaves open: facing, head and feet.

    Args:
        joints: [14, 2], the neck at the origin, in units of the body's size.
        rng: decides what the pose does not tell.
    """
    girth = _girth(joints)
    yaw = _facing(joints, rng)
    head_yaw = yaw + np.clip(rng.normal(0, 0.4), -1.1, 1.1)
    if rng.random() < 0.1:  # looks into the camera
        head_yaw = rng.normal(0, 0.2) if np.cos(yaw) > -0.5 else head_yaw
    centre, axes, up = _head(joints, girth)
    return Body(
        joints=joints,
        girth=girth,
        yaw=yaw,
        head_yaw=float(head_yaw),
        head_pitch=rng.normal(-0.05, 0.18),
        head_centre=centre,
        head_axes=axes,
        head_up=up,
        toes=_toes(joints, girth, yaw),
    )


def _length(vector: np.ndarray) -> np.ndarray:
    return np.sqrt((vector**2).sum(-1))


def _girth(joints: np.ndarray) -> float:
    """The body's true size: no limb is longer than its share of it."""
    middle = joints[6:8].mean(0)
    torso = _length(joints[NECK] - middle) / 0.44
    thighs, shins = _length(joints[6:8] - joints[8:10]) / 0.33, _length(joints[8:10] - joints[10:12]) / 0.33
    arms = _length(joints[[0, 1, 2, 3]] - joints[[2, 3, 4, 5]]) / 0.25
    return float(np.clip(max(torso, thighs.max(), shins.max(), arms.max()), 0.95, 1.6))


def _facing(joints: np.ndarray, rng: np.random.Generator) -> float:
    """Yaw from the seen width of shoulders and hips, its sign from how knees, elbows and head bend."""
    up = joints[NECK] - joints[6:8].mean(0)
    up = up / max(_length(up), 1e-3)
    across = np.array([-up[1], up[0]])  # to the picture's right of an upright body
    shoulders = (joints[0] - joints[1]) @ across / _SHOULDER_WIDTH
    hips = (joints[6] - joints[7]) @ across / _HIP_WIDTH
    width = 0.7 * shoulders + 0.3 * hips
    knees = joints[8:10] - (joints[6:8] + joints[10:12]) / 2
    elbows = joints[2:4] - (joints[0:2] + joints[4:6]) / 2
    forward = (
        knees.sum(0) @ across - 0.6 * elbows.sum(0) @ across + 0.5 * (joints[HEAD] - joints[NECK]) @ across
    )
    side = 1.0 if forward + rng.normal(0, 0.03) > 0 else -1.0
    return float(side * np.arccos(np.clip(width, -1, 1)))


def _head(joints: np.ndarray, girth: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    up = joints[HEAD] - joints[NECK]
    length = _length(up)
    up = up / max(length, 1e-3)
    half = float(np.clip(0.4 * length, 0.085 * girth, 0.115 * girth))
    return joints[HEAD] - half * up, np.array([0.78 * half, half]), up


def _toes(joints: np.ndarray, girth: float, yaw: float) -> np.ndarray:
    """Tips of the feet: forward of the ankle, square to the shin, turned outwards a little."""
    shins = joints[10:12] - joints[8:10]
    down = shins / np.maximum(_length(shins), 1e-3)[:, None]
    down = down + np.array([0.0, 0.6])  # feet stay near the ground
    down = down / np.maximum(_length(down), 1e-3)[:, None]
    across = np.stack([down[:, 1], -down[:, 0]], 1)
    turned = yaw + np.array([0.3, -0.3])
    forward = np.sin(turned)[:, None] * across + (0.3 + 0.3 * np.cos(turned))[:, None] * down
    return joints[10:12] + 0.15 * girth * forward
