"""Which pixels of several views show the same point of a surface, and what they agree on. Plain torch.

Each pixel of a view is carried to its point on the surface and looked up in every other view that sees that point. No
UVs are needed, so this works before a mesh is unwrapped, and at the small size of latents. The idea of blending what
the views predict, with weights that sharpen over the run, is SyncMVD's (Liu et al., "Text-Guided Texturing by
Synchronized Multi-View Diffusion", SIGGRAPH Asia 2024), which does it in a latent texture; the loss of contrast that
averaging brings is undone as in VCD-Texture (Liu et al., ECCV 2024, variance alignment).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .cameras import Camera
from .project import ask, eye, point_rows, silhouette_alpha, unhidden
from .raster import Maps, Scene, render_maps

MOST_CONTRAST = 1.6
"""Averaging is not undone by more than this factor: where views disagree entirely, contrast would only be noise."""


@dataclass(eq=False)
class ViewLinks:
    """Who sees what, between N views of (h, w) pixels.

    pixel:  (N, N, h * w) int32: of a pixel of the first view, the pixel of the second that shows the same point, -1
            where the second does not see it. A view's link to itself is the pixel itself, on the objects.
    cosine: (N, N, h * w) float32, how squarely the second view sees that point, 0 where it does not.
    mask:   (N, h, w) bool: where the objects are.
    """

    pixel: Tensor
    cosine: Tensor
    mask: Tensor

    @property
    def shared(self) -> Tensor:
        """(N, h * w) bool: points that more than one view sees."""
        return (self.pixel >= 0).sum(1) > 1

    def blend(self, values: Tensor, power: float, keep_contrast: bool = True) -> Tensor:
        """(N, C, h, w) values of the views -> the same, agreed: each point the mean over all views that see it.

        power: of the cosines that are the weights; 0 lets all views count alike. Pixels off the objects, and points
        that only one view sees, keep their value bit for bit.
        """
        flat = values.flatten(2)
        result = flat.clone()
        shared = self.shared
        for view in range(len(values)):
            here = shared[view].nonzero().squeeze(1)
            if not len(here):
                continue
            pixel = self.pixel[view][:, here]
            weight = torch.where(pixel >= 0, self.cosine[view][:, here].clamp_min(1e-3) ** power, 0).to(values.dtype)
            weight /= weight.sum(0)
            seen = torch.stack([flat[other][:, pixel[other].clamp_min(0).long()] for other in range(len(values))])
            agreed = (seen * weight[:, None]).sum(0)
            result[view][:, here] = _with_contrast_of(flat[view][:, here], agreed) if keep_contrast else agreed
        return result.view_as(values)

    def disagreement(self, values: Tensor) -> float:
        """Root mean square difference of the views' values at points that two of them see."""
        flat, total, count = values.flatten(2).float(), 0.0, 0
        for view in range(len(values)):
            for other in range(view):
                here = (self.pixel[view, other] >= 0).nonzero().squeeze(1)
                there = self.pixel[view, other, here].long()
                total += float((flat[view][:, here] - flat[other][:, there]).square().sum())
                count += len(here) * values.shape[1]
        return (total / max(count, 1)) ** 0.5

    def carry_noise(self, noise: Tensor) -> Tensor:
        """(N, C, h, w) white noise -> the same with one value for each point: a view takes over what an earlier one
        has there. Each view's noise stays white but for pixels that share a source.
        """
        flat = noise.flatten(2).clone()
        for view in range(1, len(noise)):
            open_ = torch.ones(flat.shape[2], dtype=torch.bool, device=noise.device)
            for other in range(view):
                here = (open_ & (self.pixel[view, other] >= 0)).nonzero().squeeze(1)
                flat[view][:, here] = flat[other][:, self.pixel[view, other, here].long()]
                open_[here] = False
        return flat.view_as(noise)


def _with_contrast_of(before: Tensor, after: Tensor) -> Tensor:
    """(C, n) `after`, spread around its mean as far as `before` is around its own."""
    if after.shape[1] < 2:
        return after
    mean = after.mean(1, keepdim=True)
    spread = before.std(1, keepdim=True) / after.std(1, keepdim=True).clamp_min(1e-6)
    return mean + (after - mean) * spread.clamp(1.0, MOST_CONTRAST)


def link_views(scene: Scene, cameras: Sequence[Camera], size: tuple[int, int], erosion_px: int = 1) -> ViewLinks:
    """The links between `cameras` at (width, height) pixels.

    erosion_px: pixels at silhouettes that are not offered to other views, since a latent's pixel there has background
    in it.
    """
    cameras = [camera.resized(size) for camera in cameras]
    maps = render_maps(scene, cameras, device=scene.device)
    eyes = [eye(scene, camera) for camera in cameras]
    offered = []
    for found, seen in zip(eyes, maps, strict=True):
        found.depth = seen.depth[None, None]
        objects = seen.object if len(scene.triangles.object_names) > 1 else None
        offered.append(silhouette_alpha(found.camera, seen.depth, objects, erosion_px, 0).flatten() > 0)
    count, pixels = len(cameras), size[0] * size[1]
    pixel = torch.full((count, count, pixels), -1, dtype=torch.int32, device=scene.device)
    cosine = torch.zeros(count, count, pixels, device=scene.device)
    for view, seen in enumerate(maps):
        here = seen.mask.flatten().nonzero().squeeze(1)
        points = _points(seen, here)
        for other, found in enumerate(eyes):
            place, depth, shading, flat = ask(found, points)
            column, row = (((place[axis] + 1) / 2 * size[axis]).floor().long() for axis in (0, 1))
            inside = (column >= 0) & (column < size[0]) & (row >= 0) & (row < size[1])
            index = row.clamp(0, size[1] - 1) * size[0] + column.clamp(0, size[0] - 1)
            sees = inside & unhidden(found, place, depth, flat) & offered[other][index]
            if other == view:
                sees, index = torch.ones_like(sees), here
            pixel[view, other, here] = torch.where(sees, index, -1).int()
            cosine[view, other, here] = torch.where(sees, shading.clamp(0, 1), 0)
    return ViewLinks(pixel, cosine, torch.stack([seen.mask for seen in maps]))


def _points(seen: Maps, here: Tensor) -> Tensor:
    """What `ask` wants of the surface behind the pixels `here`; both normals are the one that faces the camera."""
    position, normal = (values.reshape(-1, 3)[here].T for values in (seen.position, seen.normal))
    return point_rows(position, normal, normal)
