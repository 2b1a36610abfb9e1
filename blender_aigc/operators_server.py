"""Starting, stopping and looking into the server; errors and preferences."""

from __future__ import annotations

import platform

import bpy

from . import watch
from .polls import SERVER, Polled
from .protocol import VERSION, Fault, encode
from .state import STATE

LOG_TEXT = "AIGC Server Log"


class AIGC_OT_start(bpy.types.Operator):
    bl_idname = "aigc.start"
    bl_label = "Start AI Server"
    bl_description = "Start the server that does the work; it runs beside Blender and ends with it"

    def execute(self, _context) -> set[str]:
        try:
            watch.session().ensure_started()
        except Fault as fault:
            return self._refused(fault)
        watch.wake()
        return {"FINISHED"}

    def _refused(self, fault: Fault) -> set[str]:
        STATE.show(fault.record())
        self.report({"ERROR"}, str(fault))
        return {"CANCELLED"}


class AIGC_OT_restart(bpy.types.Operator):
    bl_idname = "aigc.restart"
    bl_label = "Restart AI Server"
    bl_description = "End the server and start it again; jobs that wait are kept"

    def execute(self, _context) -> set[str]:
        try:
            watch.session().restart()
        except Fault as fault:
            STATE.show(fault.record())
            self.report({"ERROR"}, str(fault))
            return {"CANCELLED"}
        STATE.fault = None
        watch.wake()
        return {"FINISHED"}


class AIGC_OT_stop(Polled, bpy.types.Operator):
    bl_idname = "aigc.stop"
    bl_label = "Stop AI Server"
    bl_description = "End the server and free its memory, unless another Blender uses it"

    needs = (SERVER,)

    def execute(self, _context) -> set[str]:
        for job_id in list(STATE.session.jobs):
            STATE.session.cancel(job_id)
        for status in STATE.session.pump():
            watch.finished(status)
        watch.close_session()
        watch.redraw()
        return {"FINISHED"}


class AIGC_OT_show_log(Polled, bpy.types.Operator):
    bl_idname = "aigc.show_log"
    bl_label = "Show AI Server Log"
    bl_description = "Put the end of the server's log into a text block, and show it in a new window"

    needs = (SERVER,)

    def execute(self, context) -> set[str]:
        text = bpy.data.texts.get(LOG_TEXT) or bpy.data.texts.new(LOG_TEXT)
        text.from_string(STATE.session.log_tail(200) or "The log is empty.\n")
        if not bpy.app.background:
            bpy.ops.wm.window_new()
            area = context.window_manager.windows[-1].screen.areas[0]
            area.type = "TEXT_EDITOR"
            area.spaces.active.text = text
        return {"FINISHED"}


class AIGC_OT_preferences(bpy.types.Operator):
    bl_idname = "aigc.preferences"
    bl_label = "Open AIGC Preferences"
    bl_description = "Choose which Python runs the server and where weights and results are kept"

    def execute(self, _context) -> set[str]:
        if bpy.app.background:
            return {"CANCELLED"}
        bpy.ops.preferences.addon_show(module=__package__)
        return {"FINISHED"}


class AIGC_OT_dismiss(bpy.types.Operator):
    bl_idname = "aigc.dismiss"
    bl_label = "Dismiss"
    bl_description = "Take this message away"
    bl_options = {"INTERNAL"}

    def execute(self, _context) -> set[str]:
        STATE.fault = None
        return {"FINISHED"}


class AIGC_OT_copy_report(bpy.types.Operator):
    bl_idname = "aigc.copy_report"
    bl_label = "Copy AIGC Report"
    bl_description = (
        "Copy what is needed to find the cause (versions, the last error, the end of the log) to the clipboard"
    )

    def execute(self, context) -> set[str]:
        context.window_manager.clipboard = report()
        self.report({"INFO"}, "The report is on the clipboard")
        return {"FINISHED"}


def report() -> str:
    """Plain text for a bug report; holds no picture and no key."""
    lines = [
        f"AIGC Studio {VERSION}, Blender {bpy.app.version_string}, Python {platform.python_version()}",
        f"{platform.platform()}, background: {bpy.app.background}",
    ]
    if STATE.fault is not None:
        lines.append(encode(STATE.fault))
    job = STATE.job(STATE.fault_job)
    if job is not None:
        lines.append(encode(job))
    if STATE.session is not None:
        lines += [f"server: {STATE.session.state}: {STATE.session.sentence}", STATE.session.log_tail(60)]
    return "\n".join(lines) + "\n"


CLASSES = (
    AIGC_OT_start,
    AIGC_OT_restart,
    AIGC_OT_stop,
    AIGC_OT_show_log,
    AIGC_OT_preferences,
    AIGC_OT_dismiss,
    AIGC_OT_copy_report,
)
