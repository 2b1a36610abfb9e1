"""The AIGC tab. Draws what `state` and the property groups hold and decides nothing: no files, no HTTP, no search."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_iface as iface_

from . import fixit, panels_results, panels_sequence, params, preflight, slots, thumbnails, views_check
from .ask import has_style
from .drawing import InTab, characters, time_left, wrapped
from .gather.sources import ASK_FOR_CAMERAS
from .operators_styles import draw_style
from .operators_texture import LOOK
from .properties import chosen_model
from .protocol import TASKS, FaultRecord, ModelInfo
from .state import STATE


class AIGC_PT_main(InTab, bpy.types.Panel):
    """From a picture to an object, top to bottom."""

    bl_label = "AIGC Studio"
    bl_idname = "AIGC_PT_main"

    def draw(self, context) -> None:
        layout = self.layout
        settings = context.scene.aigc
        draw_status(layout, context)
        if STATE.fault is not None:
            draw_fault(layout, context, STATE.fault)
        layout.prop(settings, "task", text="")
        draw_inputs(layout, context, settings, settings.task)
        info = draw_model(layout, context, settings, settings.task)
        _draw_placement(layout, settings)
        if info is not None:
            draw_advanced(layout, context, settings, info)
        running = STATE.running_job()
        if panels_sequence.draw(layout, context, settings):
            return
        if running is not None:
            draw_progress(layout, context, running)
        elif not draw_render(layout, context):
            draw_generate(layout, context, settings)


_STATUS = {
    "off": ("RADIOBUT_OFF", "aigc.try_now", "Try It Now"),
    "starting": ("SORTTIME", "aigc.show_log", "Show Log"),
    "ready": ("CHECKMARK", "aigc.stop", "Stop Server"),
    "silent": ("QUESTION", "aigc.restart", "Restart Server"),
    "failed": ("ERROR", "aigc.restart", "Restart Server"),
}


def draw_status(layout, context) -> None:
    session = STATE.session
    state = session.state if session is not None else "off"
    sentence = (
        session.sentence if session is not None else "Make a first mesh from a sample picture. Nothing to install."
    )
    icon, operator, button = _STATUS.get(state, _STATUS["failed"])
    box = layout.box()
    if state == "ready":
        row = box.row()
        row.label(text=sentence, icon=icon)
        row.operator(operator, text="", icon="QUIT")
        return
    wrapped(box, context, sentence, icon)
    box.operator(operator, text=button)


def draw_fault(layout, context, fault: FaultRecord) -> None:
    box = layout.box()
    row = box.row()
    row.alert = True
    wrapped(row, context, fault.message, "ERROR")
    row.operator("aigc.dismiss", text="", icon="X", emboss=False)
    if fault.hint:
        wrapped(box, context, fault.hint, "BLANK1")
    row = box.row(align=True)
    operator, button = fixit.button_for(fault.code, context.scene.aigc)
    of_job = operator in ("aigc.run_again", "aigc.run_smaller")
    if operator and (not of_job or STATE.fault_job):
        made = row.operator(operator, text=button)
        if of_job:
            made.job_id = STATE.fault_job
    row.operator("aigc.copy_report", text="Copy Report")


def draw_inputs(layout, context, settings, task_id: str) -> None:
    task = TASKS.get(task_id)
    if task is None:
        return
    column = layout.column(align=True)
    ignored = STATE.ignored(task_id, settings.model_id)
    for wanted in task.inputs:
        if wanted.key in ignored:
            continue
        if wanted.kind == "passes" and task_id == panels_sequence.TASK:
            panels_sequence.draw_range(column, context, settings)
            continue
        slots.SLOTS[wanted.kind].draw(column, context, wanted)
    if task.prompt and "prompt" not in ignored:
        row = layout.row(align=True)
        if settings.prompt_text is None:
            row.prop(settings, "prompt", text="", placeholder="Prompt")
        row.template_ID(settings, "prompt_text")
    if has_style(task_id):
        draw_style(layout, settings)


def draw_model(layout, context, settings, task: str, menu: str = "AIGC_MT_model") -> ModelInfo | None:
    """The drop-down and the model's plain parameters; returns what is known about the model."""
    chosen = STATE.model_for(task, settings.model_id)
    info = STATE.models.get(chosen)
    row = layout.row()
    row.enabled = bool(STATE.models)
    shown = _model_label(info) if info is not None else chosen or iface_("Start the server to see the models")
    row.menu(menu, text=shown, translate=False)
    if info is not None and info.qualities:
        row = layout.row(align=True)
        now = params.values(settings.params, info)
        for level, label in (("draft", "Draft"), ("good", "Good"), ("best", "Best")):
            chosen = level in info.qualities and info.qualities[level].items() <= now.items()
            made = row.operator("aigc.quality", text=label, depress=chosen)
            made.level, made.model_id = level, info.id
    if info is not None:
        draw_params(layout, context, settings, info, advanced=False)
    return info


def _model_label(info: ModelInfo) -> str:
    return iface_("{model} (no download)").format(model=info.label) if info.procedural else info.label


def draw_params(layout, context, settings, info: ModelInfo, advanced: bool) -> None:
    """One line a parameter; where the sidebar is too narrow for that, the name stands above."""
    group = params.group_of(settings.params, info)
    column = layout.column(align=True)
    space = characters(context)
    for param in info.params:
        elsewhere = param.of_files or (param.tasks and settings.task not in param.tasks)
        if group is None or elsewhere or param.advanced != advanced:
            continue
        slider = param.minimum is not None and param.maximum is not None
        longest = max((len(choice.label) for choice in param.choices), default=0)
        if param.type == "text" or (param.type == "enum" and longest + 2 <= 0.55 * space):
            row = column.split(factor=0.45, align=True)
            row.label(text=param.label)
            row.prop(group, param.key, text="")
        elif param.type == "enum" or (param.type in ("int", "float") and len(param.label) + 9 > space):
            column.label(text=param.label)
            column.prop(group, param.key, text="", slider=slider)
        else:  # Blender looks for the name as a whole, and no language has one with its unit
            label = params.with_unit(param, iface_(param.label))
            column.prop(group, param.key, text=label, translate=False, slider=slider)
        if param.key == "cameras" and getattr(group, "cameras", "") in ASK_FOR_CAMERAS:
            column.prop(settings, "others_hide")


def _draw_placement(layout, settings) -> None:
    column = layout.column(align=True)
    column.prop(settings, "result_name", text="", placeholder="Name")
    if settings.task not in TASKS or "mesh" in TASKS[settings.task].outputs:
        column.prop(settings, "placement", text="")


def draw_advanced(layout, context, settings, info: ModelInfo) -> None:
    header, body = layout.panel("AIGC_advanced", default_closed=True)
    header.label(text="Advanced")
    if body is None:
        return
    draw_params(body, context, settings, info, advanced=True)
    row = body.row(align=True)
    row.prop(settings, "seed")
    row.operator("aigc.roll_seed", text="", icon="FILE_REFRESH")
    if info.licence:
        body.label(text=info.licence, icon="TEXT", translate=False)


def draw_generate(layout, context, settings) -> None:
    problem = (
        slots.problem(context, settings.task)
        or fixit.problem(settings, chosen_model(settings), context.object, STATE)
        or fixit.unsaid(settings, STATE.ignored(settings.task, settings.model_id))
    )
    if problem is None:
        draw_views_check(layout, context, settings)
        draw_preflight(layout, context, settings, settings.task)
        row = layout.row()
        row.scale_y = 2.0
        row.operator("aigc.generate", text="Generate", icon="SHADERFX")
        return
    box = layout.box()
    wrapped(box, context, problem.sentence, "INFO")
    if problem.hint:
        wrapped(box, context, problem.hint, "BLANK1")
    if problem.operator:
        row = box.row()
        row.scale_y = 1.6
        made = row.operator(problem.operator, text=problem.button)
        for name, value in problem.values.items():
            setattr(made, name, value)


def draw_views_check(layout, context, settings) -> None:
    """How much of the objects the views see, for models that draw views."""
    info = STATE.models.get(STATE.model_for(settings.task, settings.model_id))
    if info is None or LOOK not in STATE.models or not any(param.key == "cameras" for param in info.params):
        return
    layout.operator("aigc.check_views", icon="VIEW_CAMERA")
    said = views_check.answer(context)
    if said:
        wrapped(layout, context, said, "INFO")


def draw_preflight(layout, context, settings, task: str) -> None:
    """What the job will need, as far as it is known before."""
    info = STATE.models.get(STATE.model_for(task, settings.model_id))
    if info is None:
        return
    renders = any(wanted.kind == "passes" for wanted in TASKS[task].inputs)
    size = preflight.size_px(settings, context.scene.render) if renders else (0, 0)
    health = STATE.session.health if STATE.session is not None else None
    seconds = STATE.experience.expected_s(task, info.id, size[0] * size[1])
    free_gb = health.memory_free_gb if health is not None else 0.0
    said = preflight.line(info, size, seconds, free_gb, iface_)
    if said is not None:
        row = layout.row()
        row.alert = said.tight
        wrapped(row, context, said.text, "ERROR" if said.tight else "INFO", translate=False)


def draw_progress(layout, context, tracked) -> None:
    box = layout.box()
    picture = thumbnails.icon(STATE.current_job)
    if picture:
        box.template_icon(icon_value=picture, scale=4.0)
    waiting = STATE.waiting.get(STATE.current_job, "")
    wrapped(box, context, waiting or tracked.message or tracked.phase or "Waiting for the server")
    if not waiting:
        box.progress(factor=tracked.fraction or 0.0, text=time_left(tracked.seconds_left), type="BAR")
    row = box.row()
    row.scale_y = 1.6
    row.operator("aigc.cancel", text="Cancel", icon="CANCEL").job_id = STATE.current_job


def draw_render(layout, context) -> bool:
    """What is said while a picture waits for Blender's render or for its passes; whether anything is."""
    if STATE.rendering:
        wrapped(layout, context, "Blender is rendering, and then the picture is made; Esc ends it", "RENDER_STILL")
    elif STATE.rendered:
        session = STATE.session
        wrapped(layout, context, session.sentence if session is not None else "The AI server is starting.", "SORTTIME")
    return bool(STATE.rendering or STATE.rendered)


class AIGC_MT_model(bpy.types.Menu):
    """The models of the chosen task, as the server listed them."""

    bl_label = "Model"
    bl_idname = "AIGC_MT_model"

    def draw(self, context) -> None:
        draw_models(self.layout, context.scene.aigc.task)


def draw_models(layout, task: str) -> None:
    for info in STATE.models_of(task):
        icon = "ERROR" if info.unavailable else "NONE"
        layout.operator("aigc.choose_model", text=_model_label(info), icon=icon).model_id = info.id


class AIGC_MT_add(bpy.types.Menu):
    """In Add, so that the search finds every operator (it lists only what is in a menu)."""

    bl_label = "AIGC Studio"
    bl_idname = "AIGC_MT_add"

    def draw(self, _context) -> None:
        layout = self.layout
        layout.menu("AIGC_MT_library", icon="ASSET_MANAGER")
        layout.operator("aigc.try_now", icon="PLAY")
        layout.operator("aigc.choose_picture", icon="FILE_IMAGE")
        layout.operator("aigc.generate", icon="SHADERFX")
        layout.operator("aigc.cancel", icon="CANCEL")
        layout.separator()
        layout.operator("aigc.start")
        layout.operator("aigc.restart")
        layout.operator("aigc.stop")
        layout.operator("aigc.show_log")
        layout.operator("aigc.reveal")
        layout.operator("aigc.original_materials")
        layout.operator("aigc.copy_report")
        layout.operator("aigc.copy_command", icon="COPYDOWN")
        layout.operator("aigc.preferences", icon="PREFERENCES")


def _draw_add_menu(self, _context) -> None:
    self.layout.menu(AIGC_MT_add.bl_idname, icon="SHADERFX")


_CLASSES = (AIGC_PT_main, *panels_results.CLASSES, AIGC_MT_model, AIGC_MT_add)


def register() -> None:
    for cls in _CLASSES:
        bpy.utils.register_class(cls)
    bpy.types.VIEW3D_MT_add.append(_draw_add_menu)


def unregister() -> None:
    bpy.types.VIEW3D_MT_add.remove(_draw_add_menu)
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
