"""Which side of each face is outside, judged by what cameras see of it: normals may be flipped. Plain torch."""

from __future__ import annotations

import torch
from torch import Tensor

from .cameras import Camera
from .raster import Scene, towards_camera


def votes(scene: Scene, camera: Camera, face: Tensor) -> Tensor:
    """(F,) float32: for each face the pixels that see its front minus those that see its back; face: (H, W) int32."""
    side = torch.sign(towards_camera(scene, camera))
    pixels = torch.bincount(face.view(-1) + 1, minlength=len(side) + 1)[1:]
    return pixels.float().mul_(side)


def outward_signs(scene: Scene, total: Tensor) -> Tensor:
    """(F,) float32, -1 where a face's winding and shading normals have to be turned round, else 1.

    total: (F,) sum of `votes` over all cameras. A face that no pixel saw follows the majority of its object.
    """
    objects = scene.face_object.long()
    majority = torch.zeros(int(objects.max()) + 1, device=total.device).index_add_(0, objects, total)
    doubt = torch.where(majority < 0, -1.0, 1.0)[objects]
    return torch.where(total < 0, -1.0, torch.where(total > 0, 1.0, doubt))
