"""Where the server runs and where things are kept: set once, the same for every file."""

import dataclasses
import logging
import os
from dataclasses import dataclass
from pathlib import Path

import bpy
from bpy.props import BoolProperty, EnumProperty, StringProperty

_ENVIRONMENTS = (
    (
        "BUILTIN",
        "Blender's Own Python",
        "Nothing to install; runs the models that need no download",
        "BLENDER",
        0,
    ),
    ("FOLDER", "Folder", "A Python environment with PyTorch, for the neural models", "FILE_FOLDER", 1),
)


@dataclass(frozen=True)
class Choices:
    """The preferences as plain values. folder, weights, data, styles: None when not set."""

    environment: str = "BUILTIN"
    folder: Path | None = None
    weights: Path | None = None
    data: Path | None = None
    share: bool = True
    styles: Path | None = None


class AIGC_preferences(bpy.types.AddonPreferences):
    """Shown in Edit > Preferences > Add-ons > AIGC Studio."""

    bl_idname = __package__

    environment: EnumProperty(
        name="Run the Server In",
        description="Which Python runs the AI server",
        items=_ENVIRONMENTS,
        default="BUILTIN",
    )
    folder: StringProperty(
        name="Environment",
        description="Folder of a Python environment (the one that holds bin/python or Scripts/python.exe)",
        subtype="DIR_PATH",
    )
    weights: StringProperty(
        name="Weights",
        description="Folder with downloaded model weights; empty: a folder inside the data folder",
        subtype="DIR_PATH",
    )
    data: StringProperty(
        name="Data",
        description="Folder for results, logs and the job list; empty: the usual place for this system",
        subtype="DIR_PATH",
    )
    styles: StringProperty(
        name="Styles",
        description="Folder in which styles are kept and looked for, which a studio may share; empty: your own",
        subtype="DIR_PATH",
    )
    share: BoolProperty(
        name="Share the Server",
        description="Several Blenders of yours use one server, so that a model is in memory only once",
        default=True,
    )

    def draw(self, _context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.prop(self, "environment")
        if self.environment == "FOLDER":
            layout.prop(self, "folder")
            layout.prop(self, "weights")
        layout.prop(self, "data")
        layout.prop(self, "styles")
        layout.prop(self, "share")
        row = layout.row()
        row.alignment = "RIGHT"
        row.operator("aigc.reveal", text="Show Data Folder", icon="FILE_FOLDER").what = "DATA"


def choices() -> Choices:
    """The preferences as set by the user; the defaults when the package runs without being an enabled add-on.

    AIGC_ENVIRONMENT and AIGC_WEIGHTS win over them, for farms, as AIGC_DATA does (see `data_path`).
    """
    addon = bpy.context.preferences.addons.get(__package__)
    chosen = Choices() if addon is None or addon.preferences is None else _chosen_in(addon.preferences)
    if folder := os.environ.get("AIGC_ENVIRONMENT"):
        chosen = dataclasses.replace(chosen, environment="FOLDER", folder=Path(folder))
    if weights := os.environ.get("AIGC_WEIGHTS"):
        chosen = dataclasses.replace(chosen, weights=Path(weights))
    return chosen


def _chosen_in(prefs: "AIGC_preferences") -> Choices:
    return Choices(
        environment=prefs.environment,
        folder=_path(prefs.folder),
        weights=_path(prefs.weights),
        data=_path(prefs.data),
        share=prefs.share,
        styles=_path(prefs.styles),
    )


def data_path() -> Path:
    """The data folder in use. Raises Fault("disk_full") when the chosen one cannot be written to.

    When nobody has chosen one and the usual place cannot be used (a read-only home), it is a temporary folder.
    """
    from .environment import data_folder, data_folder_or_temporary

    chosen = choices().data
    if chosen or os.environ.get("AIGC_DATA"):
        return data_folder(str(chosen or ""))
    folder, fault = data_folder_or_temporary()
    if fault is not None:
        logging.getLogger(__package__).warning("%s Results are kept in %s for now.", fault.message, folder)
    return folder


def _path(text: str) -> Path | None:
    return Path(bpy.path.abspath(text)) if text else None


def register() -> None:
    bpy.utils.register_class(AIGC_preferences)


def unregister() -> None:
    bpy.utils.unregister_class(AIGC_preferences)
