"""Camera, light, time, gravity and wind of an edit; what is left is about things."""

from __future__ import annotations

import dataclasses
import math

from blender_aigc.plan import WINDS, Force, Plan

from .meaning import Scene


def settle(plan: Plan, scene: Scene) -> tuple[Plan, Scene | None]:
    """`plan` with the settings of `scene`, and `scene` itself when it also speaks about things."""
    changed = plan
    view = {key: scene.view[key] for key in ("view", "framing", "move") if key in scene.view}
    if "lens" in scene.view:
        view["lens_mm"] = scene.view["lens"]
    if view:
        changed = dataclasses.replace(changed, camera=dataclasses.replace(changed.camera, **view))
    light = {key: value for key, value in scene.light.items() if key != "sky"}
    if light:
        changed = dataclasses.replace(changed, light=dataclasses.replace(changed.light, **light))
    world = {"sky": scene.light["sky"]} if "sky" in scene.light else {}
    if scene.gravity_m_s2 is not None:
        world["gravity_m_s2"] = scene.gravity_m_s2
    if scene.ground:
        world["ground"] = scene.ground
    if world:
        changed = dataclasses.replace(changed, world=dataclasses.replace(changed.world, **world))
    changed = _timing(changed, scene)
    blowing = [h for h in scene.happenings if any(actor.noun.role == "wind" for actor in h.actors)]
    heading = scene.wind_to or next((h.direction for h in blowing if h.direction is not None), None)
    if scene.wind_m_s is not None or heading is not None:
        changed = _wind(changed, scene, heading)
    return changed, scene if scene.things or scene.happenings else None


def _timing(plan: Plan, scene: Scene) -> Plan:
    timing = plan.timing
    fps = round(scene.fps) if scene.fps else timing.fps
    frames = timing.frames
    if scene.frames is not None:
        frames = scene.frames
    elif scene.seconds is not None:
        frames = round(scene.seconds * fps)
    speed = float(scene.view.get("speed", timing.speed))
    return dataclasses.replace(plan, timing=dataclasses.replace(timing, frames=frames, fps=fps, speed=speed))


def _wind(plan: Plan, scene: Scene, heading: tuple[float, float, float] | None) -> Plan:
    others = tuple(force for force in plan.forces if force.type != "wind")
    before = next((force for force in plan.forces if force.type == "wind"), Force())
    if scene.wind_m_s == 0:
        return dataclasses.replace(plan, forces=others)
    keeps = before in plan.forces and not scene.wind_named
    said = scene.wind_m_s if scene.wind_m_s is not None and not keeps else before.speed_m_s
    speed = min(60.0, said) if said is not None else None
    word = min(WINDS, key=lambda name: abs(WINDS[name] - (speed if speed is not None else WINDS[before.strength])))
    direction = before.direction_deg
    if heading is not None and any(heading[:2]):
        direction = round(math.degrees(math.atan2(heading[1], heading[0])), 3)
    wind = dataclasses.replace(before, speed_m_s=speed, strength=word, direction_deg=direction)
    return dataclasses.replace(plan, forces=(wind, *others))
