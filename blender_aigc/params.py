"""A model's own parameters as Blender properties, built at run time from what the server says about the model."""

import bpy

from .protocol import ModelInfo, Param
from .state import enum_number

INT_MAX = 2**31 - 1


class AIGC_PG_params(bpy.types.PropertyGroup):
    """Holds one group per known model; values of models that are not known now stay in the file untouched."""


_built: dict[str, tuple[tuple[Param, ...], type]] = {}
_kept_items: dict[tuple[str, str], list] = {}


def update(models: dict[str, ModelInfo]) -> bool:
    """Register the groups of `models`, rebuild those whose parameters changed. Returns whether anything changed.

    Models that vanished stay registered, so that their values remain editable when the server comes back.
    Not to be called while a panel draws.
    """
    changed = [info for info in models.values() if _built.get(info.id, ((), None))[0] != info.params]
    for info in changed:
        _remove(info.id)
        if info.params:
            group = _build(info)
            bpy.utils.register_class(group)
            setattr(AIGC_PG_params, info.id, bpy.props.PointerProperty(type=group))
            _built[info.id] = (info.params, group)
    return bool(changed)


def group_of(container: AIGC_PG_params, info: ModelInfo) -> bpy.types.PropertyGroup | None:
    """The model's group inside `container`, or None when it has no parameters."""
    return getattr(container, info.id, None)


def values(container: AIGC_PG_params, info: ModelInfo) -> dict[str, bool | int | float | str]:
    """What the user set, in the types of the contract. A choice that no longer exists becomes the default, as does
    what is about files.
    """
    group = group_of(container, info)
    if group is None:
        return {}
    return {param.key: value_of(group, param) for param in info.params}


def assign(container: AIGC_PG_params, info: ModelInfo, stored: dict[str, bool | int | float | str]) -> None:
    """Put the values of an earlier job back; keys that the model no longer has are ignored."""
    group = group_of(container, info)
    for param in info.params:
        if group is not None and param.key in stored and not param.of_files:
            setattr(group, param.key, param.check(stored[param.key]))


def value_of(group: bpy.types.PropertyGroup | bpy.types.Operator, param: Param) -> bool | int | float | str:
    if param.of_files:
        return param.default
    value = getattr(group, param.key)
    if param.type == "enum" and value == "":
        return param.default
    if param.type == "float":
        # Blender stores 32 bit: 0.1 reads back as 0.10000000149, which could lie outside the range of the contract.
        value = float(f"{value:.7g}")
    if param.type in ("int", "float"):  # a curve between keyframes may overshoot
        value = max(value, param.minimum) if param.minimum is not None else value
        value = min(value, param.maximum) if param.maximum is not None else value
    return value


def _build(info: ModelInfo) -> type:
    annotations = {param.key: property_for(info.id, param) for param in info.params if not param.of_files}
    return type(f"AIGC_PG_{info.id}", (bpy.types.PropertyGroup,), {"__annotations__": annotations})


def with_unit(param: Param, label: str) -> str:
    """`label`, in whatever language, with the unit of `param` where that says something."""
    return f"{label} ({param.unit})" if param.unit in ("m", "px", "s", "deg") else label


def property_for(model_id: str, param: Param):
    """`param` as a Blender property; `model_id` keeps the names of its choices apart from those of others."""
    common = {"name": with_unit(param, param.label), "description": param.help, "default": param.default}
    if param.type == "enum":
        items = [(c.id, c.label, c.help, "NONE", enum_number(c.id)) for c in param.choices]
        _kept_items[model_id, param.key] = items
        return bpy.props.EnumProperty(items=items, **common)
    if param.type == "bool":
        return bpy.props.BoolProperty(**common)
    if param.type == "text":
        return bpy.props.StringProperty(**common)
    subtype = "PERCENTAGE" if param.unit == "percent" else "NONE"
    low, high = param.minimum, param.maximum
    if param.type == "int":
        low = -INT_MAX if low is None else max(int(low), -INT_MAX)
        high = INT_MAX if high is None else min(int(high), INT_MAX)
        return bpy.props.IntProperty(min=low, max=high, subtype=subtype, **common)
    bounds = {key: bound for key, bound in (("min", low), ("max", high)) if bound is not None}
    return bpy.props.FloatProperty(precision=2, step=5, subtype=subtype, **bounds, **common)


def _remove(model_id: str) -> None:
    if model_id in _built:
        delattr(AIGC_PG_params, model_id)
        bpy.utils.unregister_class(_built.pop(model_id)[1])


def unregister() -> None:
    """Take back every group that was built."""
    for model_id in list(_built):
        _remove(model_id)
    _kept_items.clear()
