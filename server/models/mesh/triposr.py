"""TripoSR: a picture becomes a mesh through the published neural network (MIT, 1.7 GB).

Source: Tochilkin et al., "TripoSR: Fast 3D Object Reconstruction from a Single Image" (2024); the network is in
`nets/triposr.py`. The preparation of the picture follows VAST-AI-Research/TripoSR at d26e331, run.py, step by step.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from blender_aigc.protocol import Fault, Job, ModelInfo, Param

from ...geometry.asset_params import ASSET_PARAMS, AssetOptions
from ...weights import Weights

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from ...context import Context
    from ...nets.triposr import TripoSR as Network

REPOSITORY, REVISION, LICENCE = "stabilityai/TripoSR", "5b521936b01fbe1890f6f9baed0254ab6351c04a", "MIT"
CHUNK = 1 << 14
"""Points asked at once, by one thread: 4 MB a layer, so that they stay in the cache. See Reconstruction._answers."""
PREVIEW_PX, PREVIEW_SAMPLES = 48, 32
"""A glance: a quarter of the reference's samples along each ray, else it costs as much as finding the surface."""

_RESOLUTION = Param(
    "resolution",
    "int",
    "Resolution",
    "Samples along each side of the volume in which the surface is sought; more shows finer detail and takes longer",
    256,
    32,
    512,
)
_DENSITY = Param(
    "density",
    "float",
    "Density",
    "Where the surface lies in the network's cloud: lower keeps thin parts, higher trims what is uncertain",
    25.0,
    0.1,
    200.0,
    advanced=True,
)
_FOREGROUND_RATIO = Param(
    "foreground_ratio",
    "float",
    "Object Size",
    "How much of the network's picture the object fills; it was trained with 0.85",
    0.85,
    0.5,
    1.0,
    advanced=True,
)
_TOLERANCE = Param(
    "tolerance",
    "float",
    "Background Tolerance",
    "For pictures without transparency: how far a colour may lie from the background's and still belong to it",
    0.5,
    0.0,
    1.0,
    advanced=True,
)


class TripoSR:
    info = ModelInfo(
        id="triposr",
        task="image_to_mesh",
        label="TripoSR",
        help="A neural network that guesses the object's hidden sides; seconds on a GPU, about half a minute on a CPU",
        params=(_RESOLUTION, *ASSET_PARAMS, _DENSITY, _FOREGROUND_RATIO, _TOLERANCE),
        source="Tochilkin et al. 2024, arXiv:2403.02151",
        requires=("torch", "yaml"),
        repository=REPOSITORY,
        revision=REVISION,
        licence=LICENCE,
        memory_gb=2.5,
    )
    weights: Weights | None = Weights(
        REPOSITORY,
        REVISION,
        {"config.yaml": "", "model.ckpt": "429e2c6b22a0923967459de24d67f05962b235f79cde6b032aa7ed2ffcd970ee"},
        LICENCE,
        1_677_248_000,
    )

    def __init__(self) -> None:
        self.network: Network | None = None

    @staticmethod
    def tiny(folder: Path) -> None:
        """config.yaml and model.ckpt of a small random network, whose object has a surface at the default density."""
        import torch

        from ...nets.triposr import TINY_CONFIG, random_checkpoint

        (folder / "config.yaml").write_text(TINY_CONFIG, encoding="utf-8")
        torch.save(random_checkpoint(_read_config(folder / "config.yaml"), seed=3), folder / "model.ckpt")

    def load(self, folder: Path | None, device: str) -> None:
        """Raises Fault: weights_missing, weights_damaged."""
        import torch

        from ...checkpoints import fill, read_checkpoint
        from ...nets.triposr import TripoSR as Network
        from ...nets.triposr import published_shapes

        if folder is None:
            raise Fault(
                "weights_missing",
                "TripoSR needs its weights.",
                "Name their folder in the preferences, or with --weights.",
            )
        config = _read_config(folder / "config.yaml")
        with torch.device("meta"):
            network = Network(config)
        checkpoint = folder / "model.ckpt"
        fill(network, read_checkpoint(checkpoint), published_shapes(network), device, checkpoint)
        self.network = network

    def run(self, job: Job, context: Context) -> None:
        """Raises Fault: bad_input, empty_result, weights_damaged."""
        import torch

        from ...geometry.asset import finish
        from ...geometry.foreground import over_grey, square_cut_out
        from ...geometry.frames import Frame
        from ...geometry.mesher import extract

        assert self.network is not None
        rgba = _with_alpha(context.input_image(), float(job.params["tolerance"]))
        picture = over_grey(square_cut_out(rgba, float(job.params["foreground_ratio"])))
        with torch.inference_mode():
            seen = Reconstruction(self.network, self._planes(picture, context), context)
            context.progress("Previewing")
            context.progress("Previewing", 1, 1, preview=seen.picture(PREVIEW_PX))
            half = self.network.config.radius
            mesh = extract(
                seen.density,
                ((-half,) * 3, (half,) * 3),
                int(job.params["resolution"]),
                float(job.params["density"]),
                progress=context.progress,
            )
            mesh = finish(mesh, AssetOptions.from_params(job.params), seen.colour, context.progress)
        mesh.name = job.name or "TripoSR"
        context.report(**mesh.report)
        context.save_mesh([mesh], Frame(up="+Z", front="+X"), float(job.params["height_m"]))

    def _planes(self, picture: np.ndarray, context: Context) -> Tensor:
        """picture (S, S, 3) uint8 on grey -> (3, C, P, P), one transformer block after the other."""
        import numpy as np
        import torch

        from ...nets.triposr import resize

        network = self.network
        assert network is not None
        device = network.tokenizer["embeddings"].device
        tensor = torch.from_numpy(picture.astype(np.float32) / 255).permute(2, 0, 1)[None]
        # On the CPU, where antialiased resizing exists in every build of torch.
        tensor = resize(tensor, network.config.cond_image_size)
        context.progress("Looking at the picture", preview=_as_picture(tensor[0].permute(1, 2, 0)))
        with _counted(network.steps, context):
            planes = network(tensor.to(device))[0]
        if not bool(planes.isfinite().all()):
            raise _not_numbers()
        return planes


class Reconstruction:
    """What the network made of one picture, as functions of position. Native frame and units (see the network)."""

    def __init__(self, network: Network, planes: Tensor, context: Context) -> None:
        self._network, self._planes, self._context = network, planes, context

    def density(self, points: np.ndarray) -> np.ndarray:
        """(N, 3) float32 -> (N,) float32. Raises Fault("weights_damaged") for values that are not numbers."""
        return self._ask(points)[0]

    def colour(self, points: np.ndarray) -> np.ndarray:
        """(N, 3) float32 -> (N, 3) float32 in 0..1, sRGB-encoded."""
        return self._ask(points)[1]

    def picture(self, size: int) -> np.ndarray:
        """(size, size, 3) uint8: the object from where the picture was taken, on white."""
        import torch

        from ...nets.triposr import orbit_rays

        origins, directions = (rays.to(self._planes.device) for rays in orbit_rays(0, size, size))
        rays = CHUNK // PREVIEW_SAMPLES
        parts = []
        for first in range(0, size * size, rays):
            self._context.check_cancelled()
            part = slice(first, first + rays)
            parts.append(self._network.render(self._planes, origins[part], directions[part], PREVIEW_SAMPLES))
        return _as_picture(torch.cat(parts).view(size, size, 3))

    def _ask(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        import numpy as np
        import torch

        parts = [
            torch.from_numpy(np.ascontiguousarray(points[first : first + CHUNK], np.float32))
            for first in range(0, len(points), CHUNK)
        ]
        answers = list(self._answers(parts)) or [(np.empty(0, np.float32), np.empty((0, 3), np.float32))]
        density, colour = (np.concatenate(values) for values in zip(*answers, strict=True))
        if np.isnan(density).any() or np.isnan(colour).any():
            raise _not_numbers()
        return density, colour

    def _answers(self, parts: list[Tensor]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Density and colour of each part, in order.

        On a CPU every core works on a part of its own. Left to itself, torch spreads each of the 30 small operations
        over all cores: 1.8 us a point on 2 idle cores instead of 0.8, and ten times as much when Blender uses one.
        """
        import torch

        def answer(part: Tensor) -> tuple[np.ndarray, np.ndarray]:
            with torch.inference_mode():  # which is set thread by thread
                density, colour = self._network.query(self._planes, part.to(self._planes.device))
                return density.cpu().numpy(), colour.cpu().numpy()

        threads = torch.get_num_threads()
        workers = threads if self._planes.device.type == "cpu" else 1
        try:
            torch.set_num_threads(1 if workers > 1 else threads)
            with ThreadPoolExecutor(workers) as pool:
                for found in pool.map(answer, parts):
                    self._context.check_cancelled()
                    yield found
        finally:
            torch.set_num_threads(threads)


def _with_alpha(rgba: np.ndarray, tolerance: float) -> np.ndarray:
    """`rgba` unchanged when its alpha says where the object is, else with alpha from a plain background.

    Raises Fault("bad_input") when neither shows an object.
    """
    import numpy as np

    from ...geometry.silhouette import cut_out

    found = cut_out(rgba, tolerance)
    if found.source == "alpha":
        return rgba
    coverage = np.kron(found.coverage, np.ones((found.factor, found.factor), np.float32))
    alpha = np.rint(255 * coverage[: rgba.shape[0], : rgba.shape[1]]).astype(np.uint8)
    return np.dstack([rgba[..., :3], alpha])


@contextmanager
def _counted(modules: list, context: Context) -> Iterator[None]:
    """Progress, and a chance to cancel, before each of `modules` runs."""

    def before(number: int):
        return lambda module, inputs: context.progress("Imagining the object", number, len(modules))

    hooks = [module.register_forward_pre_hook(before(number)) for number, module in enumerate(modules)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _as_picture(colours: Tensor) -> np.ndarray:
    """(H, W, 3) in 0..1 -> uint8."""
    return (colours.clamp(0, 1) * 255).round().byte().cpu().numpy()


def _not_numbers() -> Fault:
    return Fault(
        "weights_damaged",
        "The network answered with values that are not numbers: its weights are damaged.",
        "Delete model.ckpt and download it again.",
    )


def _read_config(path: Path):
    """The network's sizes from the published config.yaml. Raises Fault: weights_missing, weights_damaged."""
    import yaml

    from ...nets.triposr import TripoSRConfig

    try:
        return TripoSRConfig.from_published(yaml.safe_load(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise Fault(
            "weights_missing", "The file config.yaml is not in the weights folder.", "Choose its folder.", str(path)
        ) from None
    except (yaml.YAMLError, LookupError, TypeError, ValueError, AttributeError, OSError) as error:
        raise Fault(
            "weights_damaged",
            "The file config.yaml is damaged, or it describes another model.",
            "Choose the folder that holds TripoSR's own config.yaml and model.ckpt.",
            f"{path}: {type(error).__name__}: {error}",
        ) from None


MODEL = TripoSR
