"""Face and vertex normals of triangle meshes. numpy only."""

from __future__ import annotations

import numpy as np


def unit(vectors: np.ndarray) -> np.ndarray:
    """(N, 3) -> (N, 3) float64 of length 1; zero vectors stay zero. Safe for lengths from 1e-150 to 1e150."""
    vectors = np.asarray(vectors, np.float64)
    largest = np.abs(vectors).max(axis=1, keepdims=True, initial=0)
    scaled = np.divide(vectors, largest, out=np.zeros_like(vectors), where=largest > 0)
    length = np.linalg.norm(scaled, axis=1, keepdims=True)
    return np.divide(scaled, length, out=np.zeros_like(scaled), where=length > 0)


def face_cross(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(F, 3) float64: outward normal times twice the area."""
    a, b, c = (vertices[faces[:, n]].astype(np.float64) for n in range(3))
    return np.cross(b - a, c - a)


def face_areas(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(F,) float64."""
    return np.linalg.norm(face_cross(vertices, faces), axis=1) / 2


def volume(vertices: np.ndarray, faces: np.ndarray) -> float:
    """Signed volume of a closed surface; positive when the faces wind counter-clockwise seen from outside."""
    if not len(faces):
        return 0.0
    centred = vertices.astype(np.float64) - vertices.mean(axis=0, dtype=np.float64)
    a, b, c = (centred[faces[:, n]] for n in range(3))
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6)


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(V, 3) float32 unit normals, each face weighted by its angle at the vertex (Thuermer and Wuethrich, 1998).

    Unlike area weights, these do not depend on how a flat region is cut into triangles. A vertex without faces, or
    whose faces cancel out, gets +Z.
    """
    normals = unit(face_cross(vertices, faces))
    total = np.zeros((len(vertices), 3))
    for corner in range(3):
        here = vertices[faces[:, corner]].astype(np.float64)
        ahead = unit(vertices[faces[:, (corner + 1) % 3]] - here)
        behind = unit(vertices[faces[:, (corner + 2) % 3]] - here)
        angle = np.arccos(np.clip(np.einsum("ij,ij->i", ahead, behind), -1, 1))
        for axis in range(3):
            total[:, axis] += np.bincount(faces[:, corner], angle * normals[:, axis], len(vertices))
    result = unit(total)
    result[(result == 0).all(axis=1)] = (0, 0, 1)
    return result.astype(np.float32)
