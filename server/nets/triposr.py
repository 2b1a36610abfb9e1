"""TripoSR: one picture in, a triplane out that holds density and colour of the object.

Paper: Tochilkin et al., "TripoSR: Fast 3D Object Reconstruction from a Single Image" (2024), section 2; the layout is
that of LRM (Hong et al., 2023), section 3. Reference: VAST-AI-Research/TripoSR at d26e331 with transformers 4.35.

    picture -> DINO ViT tokens ---------------------------.
    learned tokens of three planes -> 16 x (self-attention, cross-attention, feed-forward) -> planes -> upsample x 2
    point -> its three projections, sampled from the planes -> MLP -> density, colour

Module names follow diffusers where the published checkpoint does; `published_name` gives a tensor's key in the file.

Frame: right-handed, +Z up, the camera that took the picture looks from +X, so the object's front faces +X.
Lengths: the object lies in the cube |x|, |y|, |z| <= radius (0.87); density is 1 / length. Colours are sRGB-encoded.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own convention)
from torch import Tensor, nn

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

# ------------------------------------------------------------------------------------------------------- configuration


@dataclass(frozen=True)
class VitConfig:
    """Sizes of the picture encoder. The defaults are those of facebook/dino-vitb16, which TripoSR was trained with."""

    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    image_size: int = 224
    patch_size: int = 16
    layer_norm_eps: float = 1e-12


@dataclass(frozen=True)
class TripoSRConfig:
    """Sizes of the whole network, in the words of the published config.yaml; the defaults are the published values."""

    cond_image_size: int = 512
    vit: VitConfig = VitConfig()
    plane_size: int = 32
    width: int = 1024
    heads: int = 16
    head_dim: int = 64
    layers: int = 16
    norm_groups: int = 32
    plane_channels: int = 40
    mlp_width: int = 64
    mlp_hidden_layers: int = 9
    radius: float = 0.87
    density_bias: float = -1.0
    samples_per_ray: int = 128

    @classmethod
    def from_published(cls, tree: Mapping[str, Any]) -> TripoSRConfig:
        """From the parsed config.yaml. Names of classes in it (`*_cls`) are not looked at, let alone imported.

        Raises KeyError, TypeError or ValueError, with the entry's name in it, for a config of another network.
        """
        tree = _resolved(tree)
        backbone, decoder, renderer = tree["backbone"], tree["decoder"], tree["renderer"]
        config = cls(
            cond_image_size=int(tree["cond_image_size"]),
            vit=_vit_config(tree["image_tokenizer"]),
            plane_size=int(tree["tokenizer"]["plane_size"]),
            width=int(tree["tokenizer"]["num_channels"]),
            heads=int(backbone["num_attention_heads"]),
            head_dim=int(backbone["attention_head_dim"]),
            layers=int(backbone["num_layers"]),
            norm_groups=int(backbone.get("norm_num_groups", 32)),
            plane_channels=int(tree["post_processor"]["out_channels"]),
            mlp_width=int(decoder["n_neurons"]),
            mlp_hidden_layers=int(decoder["n_hidden_layers"]),
            radius=float(renderer["radius"]),
            density_bias=float(renderer["density_bias"]),
            samples_per_ray=int(renderer["num_samples_per_ray"]),
        )
        # What the published network leaves no choice about; another value means a network that this file is not.
        for name, found, expected in (
            ("backbone.in_channels", backbone["in_channels"], config.width),
            ("backbone.in_channels", backbone["in_channels"], config.heads * config.head_dim),
            ("backbone.cross_attention_dim", backbone["cross_attention_dim"], config.vit.hidden_size),
            ("backbone.activation_fn", backbone.get("activation_fn", "geglu"), "geglu"),
            ("backbone.attention_bias", backbone.get("attention_bias", False), False),
            ("post_processor.in_channels", tree["post_processor"]["in_channels"], config.width),
            ("decoder.in_channels", decoder["in_channels"], 3 * config.plane_channels),
            ("decoder.activation", decoder["activation"], "silu"),
            ("renderer.feature_reduction", renderer["feature_reduction"], "concat"),
            ("renderer.density_activation", renderer["density_activation"], "exp"),
        ):
            if found != expected:
                raise ValueError(f"{name} is {found!r}, expected {expected!r}")
        return config


def _vit_config(tokenizer: Mapping[str, Any]) -> VitConfig:
    inline = tokenizer.get("vit_config")
    if inline is None:
        name = tokenizer["pretrained_model_name_or_path"]
        if name != "facebook/dino-vitb16":
            raise ValueError(f"image_tokenizer.pretrained_model_name_or_path is {name!r}, which is not a known encoder")
        return VitConfig()
    for name, expected in (("hidden_act", "gelu"), ("qkv_bias", True)):
        if inline.get(name, expected) != expected:
            raise ValueError(f"image_tokenizer.vit_config.{name} is {inline[name]!r}, expected {expected!r}")
    return VitConfig(**{name: inline[name] for name in VitConfig.__dataclass_fields__})


def _resolved(tree: Mapping[str, Any]) -> dict[str, Any]:
    """`tree` with "${tokenizer.num_channels}" replaced by its value: the published file is written for OmegaConf."""

    def value(node: Any) -> Any:
        if isinstance(node, Mapping):
            return {key: value(child) for key, child in node.items()}
        if isinstance(node, str) and (reference := re.fullmatch(r"\$\{(\w+)\.(\w+)\}", node)):
            return tree[reference[1]][reference[2]]
        return node

    return value(tree)


# ------------------------------------------------------------------------------------------------------ building blocks


class Attention(nn.Module):
    """Multi-head attention of x (B, N, width) over context (B, M, context_width), or over itself. -> (B, N, width)."""

    def __init__(self, width: int, heads: int, context_width: int | None = None, qkv_bias: bool = False) -> None:
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(width, width, bias=qkv_bias)
        self.to_k = nn.Linear(context_width or width, width, bias=qkv_bias)
        self.to_v = nn.Linear(context_width or width, width, bias=qkv_bias)
        self.to_out = nn.ModuleList([nn.Linear(width, width)])

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        context = x if context is None else context
        q, k, v = (
            projected.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for projected in (self.to_q(x), self.to_k(context), self.to_v(context))
        )
        return self.to_out[0](F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class GatedGelu(nn.Module):
    """GEGLU (Shazeer 2020): one half of a projection gates the other. (.., width) -> (.., inner)."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.proj = nn.Linear(width, 2 * inner)

    def forward(self, x: Tensor) -> Tensor:
        value, gate = self.proj(x).chunk(2, dim=-1)
        return value * F.gelu(gate)


class FeedForward(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.net = nn.ModuleList([GatedGelu(width, 4 * width), nn.Identity(), nn.Linear(4 * width, width)])

    def forward(self, x: Tensor) -> Tensor:
        return self.net[2](self.net[0](x))


class Block(nn.Module):
    """One step of the backbone: the plane tokens look at each other, then at the picture, then each thinks alone."""

    def __init__(self, width: int, heads: int, context_width: int) -> None:
        super().__init__()
        self.norm1, self.attn1 = nn.LayerNorm(width), Attention(width, heads)
        self.norm2, self.attn2 = nn.LayerNorm(width), Attention(width, heads, context_width)
        self.norm3, self.ff = nn.LayerNorm(width), FeedForward(width)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        x = x + self.attn1(self.norm1(x))
        x = x + self.attn2(self.norm2(x), context)
        return x + self.ff(self.norm3(x))


class Backbone(nn.Module):
    """tokens (B, width, N) and picture tokens (B, M, context) -> refined tokens (B, width, N)."""

    def __init__(self, config: TripoSRConfig) -> None:
        super().__init__()
        width = config.width
        self.norm = nn.GroupNorm(config.norm_groups, width, eps=1e-6)  # the only epsilon that is not torch's default
        self.proj_in = nn.Linear(width, width)
        self.transformer_blocks = nn.ModuleList(
            Block(width, config.heads, config.vit.hidden_size) for _ in range(config.layers)
        )
        self.proj_out = nn.Linear(width, width)

    def forward(self, tokens: Tensor, context: Tensor) -> Tensor:
        x = self.proj_in(self.norm(tokens).transpose(1, 2))
        for block in self.transformer_blocks:
            x = block(x, context)
        return tokens + self.proj_out(x).transpose(1, 2)


# ------------------------------------------------------------------------------------------------------ picture encoder


class VitBlock(nn.Module):
    def __init__(self, config: VitConfig) -> None:
        super().__init__()
        width, eps = config.hidden_size, config.layer_norm_eps
        self.layernorm_before = nn.LayerNorm(width, eps)
        self.attn = Attention(width, config.num_attention_heads, qkv_bias=True)
        self.layernorm_after = nn.LayerNorm(width, eps)
        self.mlp = nn.Sequential(
            nn.Linear(width, config.intermediate_size), nn.GELU(), nn.Linear(config.intermediate_size, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.layernorm_before(x))
        return x + self.mlp(self.layernorm_after(x))


class PatchEmbedding(nn.Module):
    """Picture (B, 3, n * patch, n * patch) -> tokens (B, 1 + n * n, width), the class token first."""

    def __init__(self, config: VitConfig) -> None:
        super().__init__()
        self.grid = config.image_size // config.patch_size  # 14: side of the position table
        self.cls_token = nn.Parameter(torch.empty(1, 1, config.hidden_size))
        self.position_embeddings = nn.Parameter(torch.empty(1, 1 + self.grid**2, config.hidden_size))
        self.patch_embeddings = nn.ModuleDict(
            {"projection": nn.Conv2d(3, config.hidden_size, config.patch_size, config.patch_size)}
        )

    def positions(self, n: int) -> Tensor:
        """The position table (1, 1 + n * n, width) for n x n patches.

        Resampled by the factor (n + 0.1) / 14, as DINO and transformers 4 did when the weights were trained. Resampling
        to exactly n x n (transformers 5) reads the table at places that are 0.3 % off, which the network notices.
        """
        cls, table = self.position_embeddings[:, :1], self.position_embeddings[:, 1:]
        table = table.unflatten(1, (self.grid, self.grid)).permute(0, 3, 1, 2)
        table = F.interpolate(table, scale_factor=(n + 0.1) / self.grid, mode="bicubic", align_corners=False)
        return torch.cat([cls, table.flatten(2).transpose(1, 2)], dim=1)

    def forward(self, picture: Tensor) -> Tensor:
        patches = self.patch_embeddings["projection"](picture)
        tokens = torch.cat([self.cls_token.expand(len(picture), -1, -1), patches.flatten(2).transpose(1, 2)], dim=1)
        return tokens + self.positions(patches.shape[-1])


class PictureEncoder(nn.Module):
    """DINO ViT (Caron et al. 2021). Picture (B, 3, H, H) in 0..1 -> last hidden state (B, 1 + n * n, width)."""

    def __init__(self, config: VitConfig) -> None:
        super().__init__()
        self.embeddings = PatchEmbedding(config)
        self.blocks = nn.ModuleList(VitBlock(config) for _ in range(config.num_hidden_layers))
        self.layernorm = nn.LayerNorm(config.hidden_size, config.layer_norm_eps)
        self.pooler = nn.ModuleDict({"dense": nn.Linear(config.hidden_size, config.hidden_size)})  # in the file, unused

    def forward(self, picture: Tensor) -> Tensor:
        mean, std = (picture.new_tensor(values).view(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
        x = self.embeddings((picture - mean) / std)
        for block in self.blocks:
            x = block(x)
        return self.layernorm(x)


# --------------------------------------------------------------------------------------------------------- the network


class Decoder(nn.Module):
    """Features of a point (N, 3 * channels) -> raw density and colour (N, 4)."""

    def __init__(self, config: TripoSRConfig) -> None:
        super().__init__()
        widths = [3 * config.plane_channels, *[config.mlp_width] * config.mlp_hidden_layers, 4]
        layers: list[nn.Module] = []
        for size, next_size in zip(widths, widths[1:], strict=False):
            layers += [nn.Linear(size, next_size), nn.SiLU(inplace=True)]
        self.layers = nn.Sequential(*layers[:-1])

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class TripoSR(nn.Module):
    """The network. `forward` makes the planes of one picture, `query` reads them at points."""

    def __init__(self, config: TripoSRConfig) -> None:
        super().__init__()
        self.config = config
        self.image_tokenizer = nn.ModuleDict({"model": PictureEncoder(config.vit)})
        self.tokenizer = nn.ParameterDict(
            {"embeddings": torch.empty(3, config.width, config.plane_size, config.plane_size)}
        )
        self.backbone = Backbone(config)
        self.post_processor = nn.ModuleDict({"upsample": nn.ConvTranspose2d(config.width, config.plane_channels, 2, 2)})
        self.decoder = Decoder(config)

    @property
    def steps(self) -> list[nn.Module]:
        """The modules that `forward` runs one after the other: where progress is counted and a cancel is noticed."""
        return [*self.image_tokenizer["model"].blocks, *self.backbone.transformer_blocks]

    def forward(self, picture: Tensor) -> Tensor:
        """Picture of the object on mid grey -> planes (B, 3, channels, 2 * plane_size, 2 * plane_size).

        picture: (B, 3, S, S) float32 in 0..1, sRGB, S = cond_image_size (`resize` makes it so).
        """
        context = self.image_tokenizer["model"](picture)
        planes = self.tokenizer["embeddings"]  # (3, width, S, S)
        tokens = planes.transpose(0, 1).flatten(1).expand(len(picture), -1, -1)  # (B, width, 3 * S * S)
        tokens = self.backbone(tokens, context)
        planes = tokens.unflatten(2, (3, *planes.shape[2:])).transpose(1, 2)
        return self.post_processor["upsample"](planes.flatten(0, 1)).unflatten(0, (-1, 3))

    def query(self, planes: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
        """planes (3, C, S, S) of one picture, points (N, 3) in native units -> density (N,), colour (N, 3) in 0..1."""
        p = points / self.config.radius
        projections = torch.stack([p[:, [0, 1]], p[:, [0, 2]], p[:, [1, 2]]])  # the planes xy, xz, yz
        features = F.grid_sample(planes, projections[:, None], mode="bilinear", align_corners=False)  # (3, C, 1, N)
        raw = self.decoder(features.flatten(0, 2).T)
        return torch.exp(raw[:, 0] + self.config.density_bias), torch.sigmoid(raw[:, 1:])

    def render(self, planes: Tensor, origins: Tensor, directions: Tensor, samples: int | None = None) -> Tensor:
        """Volume rendering on white. planes (3, C, S, S), rays (N, 3), unit directions -> colours (N, 3) in 0..1.

        Max 1995 quadrature; as in the reference, each sample counts 1 / samples, whatever its length in space.
        samples: points along each ray; None is the reference's number.
        """
        near, far = _box_crossing(origins, directions, 0.999 * self.config.radius)  # 0.999: stay inside the planes
        hit = far - near > 0.01
        origins, directions, near, far = origins[hit], directions[hit], near[hit, None], far[hit, None]
        edges = torch.linspace(0, 1, (samples or self.config.samples_per_ray) + 1, device=planes.device)
        middle = (edges[:-1] + edges[1:]) / 2
        depth = near * (1 - middle) + far * middle  # (R, samples)
        points = origins[:, None] + depth[..., None] * directions[:, None]
        density, colour = self.query(planes, points.flatten(0, 1))
        alpha = 1 - torch.exp(-density.view_as(depth) * edges.diff())
        passed = torch.cumprod(1 - alpha[:, :-1] + 1e-10, dim=1)
        weight = alpha * torch.cat([torch.ones_like(alpha[:, :1]), passed], dim=1)
        image = torch.ones(len(hit), 3, device=planes.device)
        image[hit] = (weight[..., None] * colour.view(*depth.shape, 3)).sum(1) + 1 - weight.sum(1, keepdim=True)
        return image


def resize(picture: Tensor, size: int) -> Tensor:
    """(B, 3, H, W) -> (B, 3, size, size), bilinear with antialiasing; the aspect ratio is not kept."""
    return F.interpolate(picture, (size, size), mode="bilinear", align_corners=False, antialias=True)


def orbit_rays(azimuth_deg: float, width: int, height: int, device: str = "cpu") -> tuple[Tensor, Tensor]:
    """Origins and unit directions, (height * width, 3) each, of the preview camera: 1.9 away, 40 degrees high, level.

    Azimuth 0 looks at the object's front (from +X), 90 from +Y.
    """
    azimuth, slope = math.radians(azimuth_deg), math.tan(math.radians(40) / 2)
    x = ((torch.arange(width, device=device) + 0.5) / width * 2 - 1) * slope * width / height
    z = -((torch.arange(height, device=device) + 0.5) / height * 2 - 1) * slope
    z, x = torch.meshgrid(z, x, indexing="ij")
    away = torch.tensor([math.cos(azimuth), math.sin(azimuth), 0.0], device=device)  # from the object to the camera
    right = torch.tensor([-math.sin(azimuth), math.cos(azimuth), 0.0], device=device)
    up = torch.tensor([0.0, 0.0, 1.0], device=device)
    directions = F.normalize(x[..., None] * right + z[..., None] * up - away, dim=-1).flatten(0, 1)
    return (1.9 * away).expand_as(directions), directions


def _box_crossing(origins: Tensor, directions: Tensor, half: float) -> tuple[Tensor, Tensor]:
    """Distances (N,), (N,) where rays enter and leave the cube |x|, |y|, |z| <= half; leave <= enter: they miss."""
    safe = torch.where(directions.abs() < 1e-6, 1e-6, directions)
    one, other = (half - origins) / safe, (-half - origins) / safe
    return torch.minimum(one, other).amax(-1).clamp_min(0), torch.maximum(one, other).amin(-1)


# ----------------------------------------------------------------------------------------------------------- checkpoint

_OURS_AND_PUBLISHED = (
    (".model.blocks.", ".model.encoder.layer."),
    (".attn.to_q.", ".attention.attention.query."),
    (".attn.to_k.", ".attention.attention.key."),
    (".attn.to_v.", ".attention.attention.value."),
    (".attn.to_out.0.", ".attention.output.dense."),
    (".mlp.0.", ".intermediate.dense."),
    (".mlp.2.", ".output.dense."),
)


def published_name(name: str) -> str:
    """The key in model.ckpt (picture encoder in the names of transformers 4) of one of our tensors."""
    for ours, published in _OURS_AND_PUBLISHED:
        name = name.replace(ours, published)
    return name


def published_shapes(network: TripoSR) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    """(our name, published key, shape) of every tensor, in the order of the modules."""
    for name, tensor in network.state_dict().items():
        yield name, published_name(name), tuple(tensor.shape)


TINY_CONFIG = """\
cond_image_size: 64
image_tokenizer_cls: tsr.models.tokenizers.image.DINOSingleImageTokenizer
image_tokenizer:
  vit_config: {hidden_size: 48, num_hidden_layers: 2, num_attention_heads: 4, intermediate_size: 96,
    image_size: 224, patch_size: 16, layer_norm_eps: 1.0e-12, qkv_bias: true, hidden_act: gelu}
tokenizer_cls: tsr.models.tokenizers.triplane.Triplane1DTokenizer
tokenizer: {plane_size: 8, num_channels: 64}
backbone_cls: tsr.models.transformer.transformer_1d.Transformer1D
backbone: {in_channels: "${tokenizer.num_channels}", num_attention_heads: 4, attention_head_dim: 16, num_layers: 2,
  cross_attention_dim: 48}
post_processor_cls: tsr.models.network_utils.TriplaneUpsampleNetwork
post_processor: {in_channels: 64, out_channels: 8}
decoder_cls: tsr.models.network_utils.NeRFMLP
decoder: {in_channels: 24, n_neurons: 16, n_hidden_layers: 3, activation: silu}
renderer_cls: tsr.models.nerf_renderer.TriplaneNeRFRenderer
renderer: {radius: 0.87, feature_reduction: concat, density_activation: exp, density_bias: -1.0,
  num_samples_per_ray: 128}
"""
"""A config.yaml in the published layout, of a network of 1 MB: for tests and the model's `tiny`."""


def random_checkpoint(config: TripoSRConfig, seed: int) -> dict[str, Tensor]:
    """Random weights under the published keys, for tests and benchmarks: the network answers with a smooth shape.

    Activations are of order one; the learned planes vary slowly, and the transformer adds little to them, so that the
    field has few parts. The decoder's last bias puts about half of the volume above the published density, 25.
    """
    chance = torch.Generator().manual_seed(seed)
    tensors: dict[str, Tensor] = {}
    with torch.device("meta"):
        network = TripoSR(config)
    for _, key, shape in published_shapes(network):
        values = torch.randn(shape, generator=chance)
        scale = math.prod(shape[1:]) ** -0.5 if len(shape) > 1 else 0.1
        tensors[key] = values * scale + float(len(shape) == 1 and key.endswith("weight"))
    slow = torch.randn(3, config.width, 3, 3, generator=chance)
    tensors["tokenizer.embeddings"] = F.interpolate(slow, (config.plane_size,) * 2, mode="bicubic", align_corners=True)
    tensors["backbone.proj_out.weight"] *= 0.02
    upsample = tensors["post_processor.upsample.weight"]
    upsample[:] = upsample[..., :1, :1] * 2
    tensors[f"decoder.layers.{2 * config.mlp_hidden_layers}.weight"] *= 10
    tensors[f"decoder.layers.{2 * config.mlp_hidden_layers}.bias"][0] = math.log(25) - config.density_bias
    return tensors
