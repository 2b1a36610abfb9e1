"""Light painted into a texture, taken out again without weights: divided by the shading that the normals explain.

Irradiance on a matte surface is a function of the normal alone, and nine spherical harmonics hold 99 % of it
(Ramamoorthi and Hanrahan, "An Efficient Representation for Irradiance Environment Maps", SIGGRAPH 2001). They are
fitted to the brightness of the texture; what is left is colour. Cast shadows and highlights stay.
"""

from __future__ import annotations

import numpy as np

from ..geometry.texels import Sheet

_SAMPLES = 60_000
_LIMITS = (0.5, 2.0)


def delit(texture: np.ndarray, sheet: Sheet, strength: float) -> np.ndarray:
    """(S, S, 3) uint8 sRGB -> the same with the shading's share `strength` (0..1) removed, as bright on the whole."""
    index = np.flatnonzero(sheet.covered.reshape(-1))
    result = texture.copy()
    owner = sheet.objects(sheet.owner.reshape(-1)[index])
    for number in np.unique(owner) if strength > 0 else ():
        _delit_object(texture, sheet, strength, index[owner == number], result)
    return result


def _delit_object(texture: np.ndarray, sheet: Sheet, strength: float, index: np.ndarray, result: np.ndarray) -> None:
    """Writes one object's texels, with these flat indices, into `result`: each has colours and a light of its own."""
    if len(index) < 100:
        return
    flat = texture.reshape(-1, 3)
    table = _linear(np.arange(256, dtype=np.float32) / 255)
    some = index[:: max(1, len(index) // _SAMPLES)]
    basis = harmonics(sheet.texels(some).normal)
    light = table[flat[some]] @ np.float32([0.2126, 0.7152, 0.0722])
    weights = np.ones(len(some), np.float32)
    coefficients = np.zeros(9)
    for _ in range(4):  # dark and bright spots of the pattern shall not pass for light
        system = basis * weights[:, None]
        coefficients = np.linalg.solve(system.T @ basis + 1e-3 * len(some) * np.eye(9) / 9, system.T @ light)
        miss = np.abs(basis @ coefficients - light)
        weights = 1 / np.maximum(miss, 0.05)
    middle = float(np.median(basis @ coefficients))
    out = result.reshape(-1, 3)
    for first in range(0, len(index), 1 << 18):
        part = index[first : first + (1 << 18)]
        shading = harmonics(sheet.texels(part).normal) @ coefficients / max(middle, 1e-3)
        factor = np.clip(shading, *_LIMITS) ** -strength
        out[part] = np.rint(255 * _encoded(np.clip(table[flat[part]] * factor[:, None], 0, 1)))


def mixed(texture: np.ndarray, albedo: np.ndarray, strength: float) -> np.ndarray:
    """(S, S, 3) uint8 sRGB: the share `strength` (0..1) of `albedo` over `texture`, in linear light."""
    if strength in (0, 1):
        return albedo if strength else texture
    table = _linear(np.arange(256, dtype=np.float32) / 255).astype(np.float32)
    result = np.empty_like(texture)
    for top in range(0, len(texture), 256):
        rows = slice(top, top + 256)
        light = table[texture[rows]] * (1 - strength) + table[albedo[rows]] * strength
        result[rows] = np.rint(255 * _encoded(light))
    return result


def harmonics(normal: np.ndarray) -> np.ndarray:
    """(N, 3) unit vectors -> (N, 9) real spherical harmonics up to degree 2, without their constants."""
    x, y, z = normal.T.astype(np.float64)
    return np.stack([np.ones_like(x), x, y, z, x * y, y * z, 3 * z * z - 1, x * z, x * x - y * y], axis=1)


def _linear(value: np.ndarray) -> np.ndarray:
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def _encoded(value: np.ndarray) -> np.ndarray:
    return np.where(value <= 0.0031308, value * 12.92, 1.055 * np.maximum(value, 1e-9) ** (1 / 2.4) - 0.055)
