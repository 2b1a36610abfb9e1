"""The world: a physical sky with its sun, at different times of the day (parameters as in 3D-GPT's sky function)."""

from __future__ import annotations

import numpy as np

from ...catalogue import GeneratorInfo, Value, Variant
from .declare import degrees, share
from .parts import Parts, Sky

INFO = GeneratorInfo(
    "sky",
    "Sky",
    "Light and background of the scene: sun, air and haze",
    "sky",
    (
        degrees("sun_elevation_deg", "Sun Elevation", "Height of the sun over the horizon", 35.0, -5.0, 90.0),
        degrees("sun_rotation_deg", "Sun Rotation", "Direction of the sun", 140.0, -360.0, 360.0),
        share("sun_intensity", "Sun", "Strength of the sun's disc", 1.0, 0.0, 4.0),
        share("strength", "Strength", "Brightness of the whole sky", 0.12, 0.0, 4.0),
        share("air", "Air", "1 is clear air, 0 no air, more is high up or polluted", 1.0, 0.0, 10.0),
        share("dust", "Haze", "Dust and water in the air", 1.0, 0.0, 10.0),
        share("ozone", "Ozone", "More makes it bluer", 1.0, 0.0, 10.0),
    ),
    (
        Variant(("sky", "clear sky", "daylight", "blue sky")),
        Variant(("sunset", "evening", "dusk"), {"sun_elevation_deg": 3.0, "dust": 2.5, "strength": 0.2}),
        Variant(
            ("sunrise", "morning", "dawn"),
            {"sun_elevation_deg": 8.0, "sun_rotation_deg": -60.0, "dust": 1.5, "strength": 0.18},
        ),
        Variant(("noon", "midday"), {"sun_elevation_deg": 70.0}),
        Variant(("hazy sky", "foggy sky", "overcast sky"), {"dust": 8.0, "sun_intensity": 0.2, "air": 2.0}),
        Variant(
            ("night", "night sky"), {"sun_elevation_deg": -4.0, "sun_intensity": 0.0, "strength": 0.6, "ozone": 4.0}
        ),
    ),
    role="sky",
    source="Blender's physical sky (Nishita et al. 1993)",
)


def make(values: dict[str, Value], rng: np.random.Generator) -> Parts:
    return Parts((), {}, sky=Sky(**{key: float(value) for key, value in values.items()}))
