"""From the channels of Blender's pass file to arrays: stacking, Cryptomatte ids, camera-space normals. No bpy."""

from __future__ import annotations

import re

import numpy as np

from ..faults import Fault

# pass -> the view layer's switch, and the pass's names in the file (they differ between 4.x and 5.x)
SOURCES: dict[str, tuple[str, tuple[str, ...], str]] = {
    "depth": ("use_pass_z", ("Depth",), "Z"),
    "normal": ("use_pass_normal", ("Normal",), "XYZ"),
    "object_id": ("use_pass_cryptomatte_object", ("CryptoObject00",), "r"),
    "material_id": ("use_pass_cryptomatte_material", ("CryptoMaterial00",), "r"),
    "ao": ("use_pass_ambient_occlusion", ("Ambient Occlusion", "AO"), "R"),
    "position": ("use_pass_position", ("Position",), "XYZ"),
    "uv": ("use_pass_uv", ("UV",), "UV"),
    "vector": ("use_pass_vector", ("Vector",), "XYZW"),
}
_MANIFEST_ENTRY = re.compile(r'"(.*?)":"([0-9a-f]{1,8})"(?=[,}])', re.DOTALL)


def channels_of(channels: dict[str, np.ndarray], layer: str, name: str) -> np.ndarray:
    """One pass of one layer, (H, W) or (H, W, C), in memory of its own."""
    _, titles, letters = SOURCES[name]
    for title in titles:
        parts = [channels.get(f"{layer}.{title}.{letter}") for letter in letters]
        if all(part is not None for part in parts):
            return np.array(parts[0]) if len(parts) == 1 else np.stack(parts, axis=-1)
    raise Fault("internal", f"Blender rendered no pass {name}.", "", ", ".join(channels))


def manifest(texts: dict[str, str], kind: str) -> dict[int, str]:
    """Cryptomatte hash -> name (Psyop, Cryptomatte Specification 1.2, metadata)."""
    result: dict[int, str] = {}
    for key, value in texts.items():
        if key.startswith("cryptomatte/") and key.endswith("/name") and value.endswith(kind):
            text = texts.get(key[: -len("name")] + "manifest", "")
            # not json.loads: Blender does not escape the quotes in a name
            result.update({_float_safe(int(number, 16)): name for name, number in _MANIFEST_ENTRY.findall(text)})
    return result


def _float_safe(number: int) -> int:
    """A hash as the bits of a float that is neither denormal, infinite nor NaN (Specification 1.2, ID generation)."""
    exponent = (number >> 23) & 0xFF
    return number ^ (1 << 23) if exponent in (0, 255) else number


def ids_of(hashes: np.ndarray, seen: np.ndarray, names: dict[int, str]) -> tuple[np.ndarray, list[str]]:
    """(H, W) float32 Cryptomatte ids -> (H, W) int32 counted from 1 in the order of the names, and the names."""
    bits = np.where(seen, hashes.view(np.uint32), np.uint32(0)).ravel()
    starts = np.concatenate([[0], np.flatnonzero(bits[1:] != bits[:-1]) + 1])  # few runs: no sort of all pixels
    values, where = np.unique(bits[starts], return_inverse=True)
    titles = [names.get(int(value), f"#{int(value):08x}") if value else "" for value in values]
    order = sorted(range(len(values)), key=lambda i: (bool(values[i]), titles[i]))
    numbers = np.empty(len(values), np.int32)
    numbers[order] = np.arange(len(values), dtype=np.int32) + (0 if values[order[0]] == 0 else 1)
    lengths = np.diff(np.append(starts, bits.size))
    table = [titles[i] for i in order]
    return np.repeat(numbers[where.ravel()], lengths).reshape(hashes.shape), (
        table if values[order[0]] == 0 else ["", *table]
    )


def camera_normal(world: np.ndarray, pose: np.ndarray, seen: np.ndarray) -> np.ndarray:
    camera_from_world = np.diag([1.0, -1.0, -1.0]) @ pose[:3, :3].T  # from OpenCV's axes to x right, y up, z back
    normal = world @ camera_from_world.T.astype(np.float32)
    length = np.sqrt(np.einsum("hwc,hwc->hw", normal, normal))
    good = seen & (length > 1e-6)  # also false for NaN
    return np.where(good[..., None], normal / np.where(good, length, np.float32(1))[..., None], np.float32(0))


def sky_motion(
    sky: np.ndarray, pose: np.ndarray, lens: np.ndarray, other_pose: np.ndarray, other_lens: np.ndarray
) -> np.ndarray:
    """Where the background's pixels are in another frame: only the camera's turn and lens move what is infinitely far.

    sky (H, W) bool; poses (4, 4) world_from_camera and lenses (3, 3) in OpenCV's convention. Returns (N, 2) float32
    pixels, y down, for the N true pixels in the order of np.nonzero; 0 for what is behind the other camera.
    """
    rows, columns = np.nonzero(sky)
    points = np.stack([columns + 0.5, rows + 0.5, np.ones(len(rows))])
    turn = other_lens @ other_pose[:3, :3].T @ pose[:3, :3] @ np.linalg.inv(lens)  # homography at infinity
    there = turn @ points
    ahead = there[2] > 1e-6
    scale = np.where(ahead, there[2], 1.0)
    return ((there[:2] / scale - points[:2]) * ahead).T.astype(np.float32)
