"""The parameters that the engines of texture_mesh share. The contract only."""

from __future__ import annotations

from blender_aigc.protocol import Choice, Param

from ..diffusion.knobs import CHECKPOINT, GUIDANCE, LORAS, NEGATIVE, STEPS

TEXTURE_PX = Param(
    "texture_px",
    "enum",
    "Texture Size",
    "Pixels of each side of the textures",
    "2048",
    choices=tuple(Choice(str(px), f"{px} px") for px in (256, 512, 1024, 2048, 4096, 8192)),
)
TEXTURES = Param(
    "textures",
    "enum",
    "Textures",
    "Whether several objects share their textures; what is changed in part stays on the textures that it has",
    "each",
    choices=(
        Choice("each", "One per Object", "Every object gets textures of its own"),
        Choice("atlas", "One Atlas", "All objects share one set of textures, each on its part of a new UV map"),
    ),
)
VIEW_PX = Param(
    "view_px",
    "enum",
    "View Size",
    "Pixels of each side of the pictures that are drawn; the model's own size is best",
    "1024",
    choices=tuple(Choice(str(px), f"{px} px") for px in (64, 512, 768, 1024, 1536)),
    advanced=True,
)
_VIEW = Choice("view", "Current View", "What the 3D viewport shows, or the scene's camera")
_CAMERA = Choice("camera", "Scene Camera", "What the scene's camera sees")
PICTURE_VIEW = Choice(
    "picture",
    "Picture's View",
    "The camera that the picture was made with, where that is known; else what the 3D viewport shows",
)
CAMERAS = Param(
    "cameras",
    "enum",
    "Views",
    "From where the object is drawn",
    "greedy",
    choices=(
        Choice("greedy", "Best Views", "As few as see nearly all of the surface, each chosen for what it adds"),
        Choice("around", "All Around", "Six views around it, one from above and one from below"),
        Choice("axes", "Six Sides", "Front, back, left, right, top and bottom, without perspective"),
        Choice("ring", "Ring", "Views around it at eye level"),
        Choice("room", "Room", "Six views from its middle outwards"),
        Choice("own", "Selected Cameras", "The cameras that are selected together with the objects"),
        _VIEW,
        _CAMERA,
    ),
)
ONE_CAMERA = Param(
    "cameras",
    "enum",
    "View",
    "From where the picture shows the objects",
    "picture",
    choices=(PICTURE_VIEW, _VIEW, _CAMERA),
)
UNSEEN = Param(
    "unseen",
    "enum",
    "Unseen",
    "What becomes of the surface that no view sees",
    "fill",
    choices=(
        Choice("fill", "Fill", "It takes the colours of the surface nearby"),
        Choice("keep", "Keep", "It stays as it is; for work on the present texture"),
    ),
    advanced=True,
)
VIEWS = Param("views", "int", "Number of Views", "Views of a ring; the most that Best Views takes", 8, 1, 32)
VIEW_PROMPTS = Param(
    "view_prompts", "text", "Words for Views", "Added to single views, such as front: a smiling face; back: a zip", ""
)
OBJECTS = Param(
    "objects",
    "enum",
    "Several Objects",
    "Whether objects and parts are drawn in the same pictures",
    "auto",
    choices=(
        Choice("auto", "By Their Words", "Together, unless they have words of their own; then one after the other"),
        Choice("together", "Together", "All in the same pictures, by the same words"),
        Choice("each", "Each by Itself", "One after the other, by its own words or its name; the first sets the style"),
    ),
)
UV = Param(
    "uv",
    "enum",
    "UV Map",
    "Only for mesh files: Blender's objects bring the layer that serves",
    "auto",
    choices=(
        Choice("auto", "Automatic", "The own UVs where they serve, new ones elsewhere"),
        Choice("own", "Own", "The own UVs, or an explanation why they do not serve"),
        Choice("new", "New", "New ones in any case"),
    ),
    advanced=True,
    of_files=True,
)
DELIGHT = Param("delight", "float", "Remove Light", "How much painted light and shade is taken out", 0.5, 0.0, 1.0)
ROUGHNESS = Param("roughness", "float", "Roughness", "Of the whole surface", 0.6, 0.0, 1.0)
METALLIC = Param("metallic", "float", "Metallic", "Of the whole surface", 0.0, 0.0, 1.0)
RELIEF = Param("relief", "float", "Relief", "How deep dark lines are in the normal and height maps", 0.3, 0.0, 2.0)
SEPARATE = Param(
    "separate",
    "bool",
    "Separate Maps",
    "Also write roughness, metal and AO as files of their own",
    False,
    advanced=True,
)
SOFT_PX = Param(
    "soft_px",
    "int",
    "Soft Border",
    "Of a part that is textured again: pixels over which the new texture fades into the present one",
    8,
    0,
    256,
    advanced=True,
    unit="px",
)
FACES = Param(
    "faces",
    "text",
    "Only Slots",
    "Only for mesh files: names of material slots or objects whose textures change, the others stay; * for all",
    "",
    advanced=True,
    of_files=True,
)
STRENGTH = Param(
    "strength",
    "float",
    "Strength",
    "How far the present texture is left behind, where there is one to begin with; 1 starts anew",
    0.8,
    0.05,
    1.0,
)
ONLY_VIEWS = Param(
    "only_views", "text", "Only Views", "Draw no others than these, such as back, top; empty: all", "", advanced=True
)

MAPS = Param(
    "maps",
    "enum",
    "Maps From",
    "Where base colour, roughness and metal come from, besides the drawn colours",
    "numbers",
    choices=(
        Choice("numbers", "Numbers", "Roughness and metal as set above, light taken out by the object's normals"),
        Choice("marigold", "Marigold Appearance", "Base colour, roughness and metal, estimated from each view"),
        Choice("lighting", "Marigold Lighting", "Base colour without light, estimated from each view"),
    ),
)
BUMPS = Param(
    "bumps",
    "enum",
    "Bumps From",
    "What the normal map is made of",
    "colour",
    choices=(
        Choice("colour", "Colours", "Dark lines are grooves"),
        Choice("marigold", "Marigold Normals", "Fine detail of normals that are estimated from each view"),
    ),
    advanced=True,
)
ESTIMATES = Param(
    "estimates", "int", "Estimates", "Marigold's answers to each view, of which the middle is taken", 3, 1, 10,
    advanced=True,
)  # fmt: skip

ESTIMATED = (MAPS, BUMPS, ESTIMATES)
"""Of engines whose views go through estimates.py."""

MATERIAL = (TEXTURES, DELIGHT, ROUGHNESS, METALLIC, RELIEF, UV, SEPARATE, SOFT_PX, FACES)
"""What every engine that draws views needs for the last leg (from_views.py)."""

CONTROLS = Param(
    "controls",
    "text",
    "Controls",
    "ControlNets and their weights, such as depth:0.8, line:0.4@0-0.8; auto takes what is there",
    "auto",
    advanced=True,
)

VIEW_BY_VIEW = (
    *(
        TEXTURE_PX,
        CAMERAS,
        VIEWS,
        UNSEEN,
        OBJECTS,
        VIEW_PROMPTS,
        STRENGTH,
        NEGATIVE,
        STEPS,
        GUIDANCE,
        *MATERIAL,
        *ESTIMATED,
    ),
    *(VIEW_PX, ONLY_VIEWS, CONTROLS, CHECKPOINT, LORAS),
)
"""Of the engines that draw one view after the other."""
