"""What to type where a hint names a button, a preference or a selection: there are none without a window."""

from __future__ import annotations

from .protocol import Fault, FaultCode, ModelInfo

_AGAIN = "Run the command again, or name a data folder of its own in AIGC_DATA."
_OTHER_FRAMES = "Name another folder behind --out, or say --start-over."

INSTEAD: dict[str, str] = {
    "Press Restart Server.": _AGAIN,
    "Wait, or press Restart Server.": _AGAIN,
    "Press Show Log, then Restart Server.": "Read the log, then run the command again.",
    "Press Generate again.": "Run the command again.",
    "See the list of models.": "`aigc models` lists them, and what each lacks.",
    "Choose one in the preferences.": "Name one in AIGC_ENVIRONMENT.",
    "Choose an environment folder in the preferences.": "Name the folder of an environment in AIGC_ENVIRONMENT.",
    "Choose another environment in the preferences.": "Name another environment in AIGC_ENVIRONMENT.",
    "Choose a full environment in the preferences.": "Name the folder of a full environment in AIGC_ENVIRONMENT.",
    "Install the add-on from its zip, or choose an environment folder in the preferences.": (
        "Install the add-on from its zip, or name the folder of an environment in AIGC_ENVIRONMENT."
    ),
    "Name the folder that holds them in the preferences, or with --weights.": "Name their folder in AIGC_WEIGHTS.",
    "Name their folder in the preferences, or with --weights.": "Name their folder in AIGC_WEIGHTS.",
    "Choose a data folder in the preferences.": "Name one in AIGC_DATA.",
    "Choose another data folder in the preferences.": "Name another one in AIGC_DATA.",
    "Free some space, or choose another data folder in the preferences.": (
        "Free some space, or name another data folder in AIGC_DATA."
    ),
    "Choose another one in Preferences > File Paths > Temporary Files.": "Name another one in TMPDIR.",
    "Free some space, or choose another folder in Preferences > File Paths > Temporary Files.": (
        "Free some space, or name another folder in TMPDIR."
    ),
    "Allow Online Access in Preferences > System, or use an endpoint on this machine.": (
        "Start Blender with --online-mode, or use an endpoint on this machine: --param endpoint=ADDRESS."
    ),
    "Select the objects to work on.": "Name them by --objects.",
    "Select an object with a surface.": "Name one with a surface by --objects.",
    "Select an object.": "Name it in the sentence, or save the file with it selected.",
    "Select an Empty, or nothing.": "Name an Empty behind --replace.",
    "Add one, or select the objects.": "Add one to the file, or name the objects by --objects.",
    "Add one (Add > Camera), or take the viewport's view.": "Add one to the file.",
    "Add one (Add > Camera).": "Add one to the file.",
    "Raise the resolution or its percentage in the Output properties.": "Say --longest-px 1024.",
    "Lower the resolution or its percentage; 8192 x 8192 is the limit. Upscale the result instead.": (
        "Say --longest-px 2048, and enlarge the result by `aigc upscale`."
    ),
    "Select the objects to change.": "Name them by --mask-objects.",
    "The selected objects are not seen from the camera. Select others, or move the camera.": (
        "The objects of --mask-objects are not seen from the camera. Name others, or move the camera."
    ),
    "Choose no mask, so that all may change.": "Leave the mask out, so that all may change.",
    "Paint a mask instead.": "Paint one, and name it behind --mask-image.",
    "Paint a mask, or take a render.": "Say --mask-image FILE, or leave --image out.",
    "Select faces in Edit Mode, or choose all.": "Name others behind --faces, or leave it out.",
    "Choose another name, or Selected Faces.": "Say another name, or --faces selected.",
    "Choose the whole object.": "Leave --faces out.",
    "Choose an attribute that they keep, or paint a mask.": "Say --faces ATTRIBUTE that they keep, or --mask FILE.",
    "Choose another folder, or start over.": _OTHER_FRAMES,
    "Render again, and start over.": _OTHER_FRAMES,
    "Start over.": _OTHER_FRAMES,
    "Choose another folder for the frames.": "Name another folder behind --out.",
    "Save the file where you may write.": "Name a file behind --save-as where you may write.",
    "Choose one: a render, or what was made from it, seen from the view that is chosen.": (
        "Say --picture FILE: a render, or what was made from it."
    ),
    "Select them together with the objects, or choose another set of Views.": (
        "Name them by --cameras, or say --param cameras=greedy."
    ),
}
"""Hints of the tab, and what to say instead of them."""

_BESIDE: dict[FaultCode, str] = {
    "not_installed": "Without a window: AIGC_ENVIRONMENT names the folder of a Python environment.",
    "weights_missing": "Without a window: AIGC_WEIGHTS names the folder of the weights.",
}
"""What takes the place of the preferences, for hints that are about something else."""


def hints(fault: Fault, info: ModelInfo | None) -> list[str]:
    """Lines that say what cures `fault`. info: the model that was asked, if one was."""
    typed = info.typed(fault.hint) if info is not None else ""
    beside = "" if fault.hint in INSTEAD else _BESIDE.get(fault.code, "")
    return [line for line in (INSTEAD.get(fault.hint, fault.hint), typed, beside) if line]
