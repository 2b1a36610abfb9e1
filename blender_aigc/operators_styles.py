"""Choosing and saving looks: the gallery, and Draft, Good, Best."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.props import EnumProperty, StringProperty

from . import params, preferences, thumbnails, watch
from .protocol import Fault
from .state import STATE
from .styles import Style, id_of, read_styles, write_style

LIBRARY = Path(__file__).parent / "styles_library"


def own_folder() -> Path:
    """Where styles are saved: the studio's folder of the preferences, else one beside Blender's own presets."""
    chosen = preferences.choices().styles
    return chosen or Path(bpy.utils.user_resource("SCRIPTS", path="presets")) / "aigc_styles"


def refresh() -> None:
    """Read the styles anew; never called while a panel draws."""
    STATE.styles, problems = read_styles([LIBRARY, own_folder()])
    for style in STATE.styles.values():
        if style.picture is not None:
            thumbnails.load(thumbnail(style.id), style.picture)
    if problems:
        STATE.show(Fault("bad_input", problems[0], "Remove the file, or save the style again.").record())


def thumbnail(style_id: str) -> str:
    return f"style:{style_id}"


def catch_up() -> None:
    """Set the parameters of styles that were chosen before the server had told its models. Raises Fault."""
    if not STATE.models or not STATE.styles_waiting:
        return
    waiting, STATE.styles_waiting = STATE.styles_waiting, set()
    for scene in bpy.data.scenes:
        if scene.session_uid in waiting and scene.library is None:
            put_into_settings(scene, STATE.styles.get(scene.aigc.style))


def _tick() -> None:
    try:
        catch_up()
    except Fault as fault:
        STATE.show(fault.record())


def put_into_settings(scene: bpy.types.Scene, style: Style | None) -> None:
    """Remember the style, and set what it says about the parameters of the models; later, when they are not known."""
    scene.aigc.style = style.id if style is not None else ""
    STATE.styles_waiting.discard(scene.session_uid)
    if style is None:
        return
    if not STATE.models:
        STATE.styles_waiting.add(scene.session_uid)
    for info in STATE.models.values():
        keys = {param.key: param for param in info.params}
        values = {key: value for key, value in style.values_for(info.id).items() if key in keys}
        try:
            params.assign(scene.aigc.params, info, values)
        except Fault as fault:
            sentence = f"The style {style.label} does not fit {info.label}: {fault.message}"
            raise Fault("bad_input", sentence, fault.hint or "Save the style again.") from None


class AIGC_OT_choose_style(bpy.types.Operator):
    bl_idname = "aigc.choose_style"
    bl_label = "Choose Style"
    bl_description = "Set prompt template and parameters for this look"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    style_id: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def description(cls, _context, properties) -> str:
        style = STATE.styles.get(properties.style_id)
        return style.help if style is not None and style.help else cls.bl_description

    def execute(self, context) -> set[str]:
        style = STATE.styles.get(self.style_id)
        if style is None and self.style_id:
            self.report({"ERROR"}, "This style is not there any more.")
            return {"CANCELLED"}
        try:
            put_into_settings(context.scene, style)
        except Fault as fault:
            STATE.show(fault.record())
            self.report({"ERROR"}, str(fault))
            return {"CANCELLED"}
        return {"FINISHED"}


class AIGC_OT_save_style(bpy.types.Operator):
    bl_idname = "aigc.save_style"
    bl_label = "Save Style"
    bl_description = "Keep the prompt and the parameters of the model as a style, in the folder of the preferences"

    label: StringProperty(name="Name", description="What the style is called", options={"SKIP_SAVE"})
    model_id: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def invoke(self, context, _event) -> set[str]:
        return context.window_manager.invoke_props_dialog(self)

    def execute(self, context) -> set[str]:
        settings = context.scene.aigc
        info = STATE.models.get(self.model_id or STATE.model_for(settings.task, settings.model_id))
        template = settings.prompt if "{prompt}" in settings.prompt else STATE.template(settings.style)
        try:
            values = params.values(settings.params, info) if info is not None else {}
            style = Style(id_of(self.label), self.label.strip(), "", template, {}, {info.id: values} if info else {})
            write_style(own_folder(), style)
        except Fault as fault:
            STATE.show(fault.record())
            self.report({"ERROR"}, str(fault))
            return {"CANCELLED"}
        refresh()
        settings.style = style.id
        return {"FINISHED"}


class AIGC_OT_read_styles(bpy.types.Operator):
    bl_idname = "aigc.read_styles"
    bl_label = "Read Styles Again"
    bl_description = "Look for new styles in the folder of the preferences"

    def execute(self, _context) -> set[str]:
        refresh()
        watch.redraw()
        return {"FINISHED"}


class AIGC_OT_quality(bpy.types.Operator):
    bl_idname = "aigc.quality"
    bl_label = "Quality"
    bl_description = "Set the parameters of the model for a quick look, for work, or for the final picture"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    level: EnumProperty(
        name="Level",
        description="How good, and how slow",
        items=(
            ("draft", "Draft", "Quick and rough"),
            ("good", "Good", "What the model is meant for"),
            ("best", "Best", "Slow, for the final picture"),
        ),
        options={"SKIP_SAVE"},
    )
    model_id: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, context) -> set[str]:
        settings = context.scene.aigc
        info = STATE.models.get(self.model_id or STATE.model_for(settings.task, settings.model_id))
        if info is None or self.level not in info.qualities:
            self.report({"WARNING"}, "This model has no such setting.")
            return {"CANCELLED"}
        params.assign(settings.params, info, info.qualities[self.level])
        return {"FINISHED"}


class AIGC_PT_styles(bpy.types.Panel):
    """The gallery: opens from the style's button in the tab and in the render properties."""

    bl_label = "Styles"
    bl_idname = "AIGC_PT_styles"
    bl_space_type = "TOPBAR"
    bl_region_type = "HEADER"
    bl_options = {"INSTANCED"}
    bl_ui_units_x = 18

    def draw(self, context) -> None:
        layout = self.layout
        chosen = context.scene.aigc.style
        grid = layout.grid_flow(row_major=True, columns=4, even_columns=True, even_rows=True)
        for style in STATE.styles.values():
            column = grid.column(align=True)
            icon = thumbnails.icon(thumbnail(style.id))
            if icon:
                column.template_icon(icon_value=icon, scale=3.6)
            row = column.row()
            made = row.operator("aigc.choose_style", text=style.label, depress=style.id == chosen, translate=False)
            made.style_id = style.id
        row = layout.row()
        row.operator("aigc.choose_style", text="No Style", icon="X").style_id = ""
        row.operator("aigc.save_style", icon="FILE_TICK")
        row.operator("aigc.read_styles", text="", icon="FILE_REFRESH")


def draw_style(layout, settings) -> None:
    """The button that opens the gallery."""
    style = STATE.styles.get(settings.style)
    icon = thumbnails.icon(thumbnail(settings.style)) if style is not None else 0
    if icon:
        layout.popover("AIGC_PT_styles", text=style.label, icon_value=icon, translate=False)
    else:
        layout.popover("AIGC_PT_styles", text=style.label if style else "Styles", icon="BRUSHES_ALL")


CLASSES = (
    AIGC_OT_choose_style,
    AIGC_OT_save_style,
    AIGC_OT_read_styles,
    AIGC_OT_quality,
    AIGC_PT_styles,
)


def register() -> None:
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    refresh()
    watch.EVERY_TICK.append(_tick)


def unregister() -> None:
    if _tick in watch.EVERY_TICK:
        watch.EVERY_TICK.remove(_tick)
    STATE.styles = {}
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
