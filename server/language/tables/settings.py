"""Wind, camera, light, time: the words that speak about the scene as a whole."""

from __future__ import annotations

WINDS: dict[str, float] = {
    "calm": 0.2,
    "light air": 0.9,
    "light breeze": 2.4,
    "breeze": 4.4,
    "gentle breeze": 4.4,
    "soft breeze": 2.4,
    "moderate breeze": 6.7,
    "fresh breeze": 9.3,
    "stiff breeze": 12.3,
    "strong breeze": 12.3,
    "gust": 13.0,
    "draught": 0.9,
    "draft": 0.9,
    "near gale": 15.5,
    "gale": 18.9,
    "strong gale": 22.6,
    "storm": 26.4,
    "thunderstorm": 22.6,
    "violent storm": 30.5,
    "hurricane": 35.0,
    "blizzard": 20.0,
    "tornado": 40.0,
    "whirlwind": 20.0,
    "wind": 6.7,
}
"""Middle of the Beaufort class that the words name (WMO Guide to Instruments, table of the Beaufort scale), m/s."""

WIND_ADJECTIVES: dict[str, float] = {
    "no": 0.0,
    "faint": 0.9,
    "very light": 0.9,
    "light": 2.4,
    "gentle": 4.4,
    "mild": 4.4,
    "weak": 2.4,
    "soft": 2.4,
    "slight": 2.4,
    "normal": 8.0,
    "moderate": 8.0,
    "medium": 8.0,
    "steady": 8.0,
    "fresh": 9.3,
    "brisk": 9.3,
    "stiff": 12.3,
    "strong": 18.0,
    "heavy": 18.0,
    "powerful": 20.0,
    "hard": 18.0,
    "high": 18.0,
    "very strong": 24.0,
    "fierce": 26.4,
    "violent": 30.5,
    "furious": 30.5,
    "extreme": 35.0,
    "howling": 26.4,
    "gusty": 12.3,
}
"""Before "wind": m/s. "Light wind" to "strong wind" are further apart than on the Beaufort scale, as they are meant."""

BEAUFORT = (0.1, 0.9, 2.4, 4.4, 6.7, 9.3, 12.3, 15.5, 18.9, 22.6, 26.4, 30.5, 35.0)
"""Middle of each class, m/s."""

VIEWS: dict[str, tuple[str, object]] = {
    phrase: (key, value)
    for key, value, phrases in (
        (
            "framing",
            "close",
            "close up,close up view,closeup,close up shot,close shot,macro,macro shot,zoomed in,detail",
        ),
        ("framing", "medium", "medium shot,medium view,mid shot"),
        ("framing", "wide", "wide shot,wide view,long shot,establishing shot,total,panorama,wide angle shot"),
        (
            "view",
            "top",
            "from above,top down,top down view,top view,bird eye view,bird eye,birds eye view,overhead shot",
        ),
        ("view", "top", "overhead view,aerial view,top down shot,from the top,from overhead,plan view"),
        (
            "view",
            "low",
            "low angle,from below,low angle shot,worm eye view,worms eye view,low angle view,from the ground",
        ),
        ("view", "high", "high angle,high angle shot,high angle view,from slightly above,from a high angle"),
        ("view", "side", "side view,from the side,in profile,profile view,sideways view"),
        ("view", "front", "front view,from the front,frontal view,head on,eye level"),
        ("view", "back", "back view,rear view,from the back"),
        ("view", "three_quarter", "three quarter view,three quarters view,isometric,isometric view,perspective view"),
        ("move", "orbit", "orbit,orbiting camera,camera orbit,turntable,orbit shot,orbiting shot,360 degree view"),
        ("move", "dolly_in", "dolly in,push in,zoom in,camera approaches,slow zoom,zooming in,tracking in"),
        ("move", "dolly_out", "dolly out,pull back,zoom out,pull out,zooming out,pulling back"),
        ("move", "rise", "crane up,crane shot,crane,jib shot,camera rises,rising camera,drone shot"),
        ("move", "pan", "pan,panning shot,camera pans,pan shot,panning camera,panning"),
        ("move", "follow", "tracking shot,follow shot,camera follows,following camera,tracking camera,follow cam"),
        ("move", "static", "static camera,fixed camera,locked camera,still camera,static shot"),
        ("lens", 24.0, "wide angle,wide angle lens,wide lens"),
        ("lens", 35.0, "normal lens,standard lens"),
        ("lens", 100.0, "telephoto,telephoto lens,tele lens,long lens,macro lens"),
        ("speed", 0.25, "slow motion,slow mo,slowmo,slowed down"),
        ("speed", 0.1, "super slow motion,extreme slow motion,bullet time"),
        ("speed", 4.0, "time lapse,timelapse,fast motion,sped up,fast forward"),
    )
    for phrase in phrases.split(",")
}
"""Phrase -> (field, value)."""

CAMERA_VERBS: dict[str, str] = {
    "orbit": "orbit",
    "circle": "orbit",
    "fly": "orbit",
    "rotate": "orbit",
    "turn": "orbit",
    "move": "orbit",
    "pan": "pan",
    "follow": "follow",
    "track": "follow",
    "approach": "dolly_in",
    "zoom": "dolly_in",
    "dolly": "dolly_in",
    "rise": "rise",
    "climb": "rise",
    "crane": "rise",
    "retreat": "dolly_out",
    "pull": "dolly_out",
}
"""What the camera does when it is the subject."""

LIGHTS: dict[str, dict[str, object]] = {
    phrase: values
    for phrases, values in (
        ("sunrise,dawn,daybreak", {"setup": "sunset", "elevation_deg": 6.0, "azimuth_deg": 0.0, "sky": "sunset"}),
        ("sunset,dusk,golden hour,evening,twilight", {"setup": "sunset", "elevation_deg": 8.0, "sky": "sunset"}),
        ("morning,morning light", {"setup": "sun", "elevation_deg": 25.0, "azimuth_deg": -20.0, "sky": "clear"}),
        ("noon,midday,high noon", {"setup": "sun", "elevation_deg": 80.0, "sky": "clear"}),
        (
            "daylight,sunlight,sunshine,sunny,sunny day,bright day,day,sun,clear sky,blue sky,outdoors",
            {"setup": "sun", "sky": "clear"},
        ),
        ("overcast,cloudy,cloudy day,overcast sky,grey sky,foggy,misty,diffuse light", {"setup": "overcast"}),
        (
            "night,midnight,moonlight,moonlit,starry sky,night sky,nighttime,starlight",
            {"setup": "night", "sky": "night"},
        ),
        ("studio,studio light,studio lighting,indoors,softbox", {"setup": "studio"}),
        (
            "three point,three point lighting,dramatic,dramatic light,dramatic lighting,cinematic",
            {"setup": "three_point"},
        ),
        ("backlit,backlight,back light,silhouette", {"setup": "sun", "elevation_deg": 20.0, "azimuth_deg": 90.0}),
        ("dark,darkness,pitch dark", {"setup": "night", "strength": 0.5}),
    )
    for phrase in phrases.split(",")
}

GRAVITIES: dict[str, float] = {
    "moon": 1.62,
    "mars": 3.71,
    "jupiter": 24.8,
    "zero gravity": 0.0,
    "no gravity": 0.0,
    "weightlessness": 0.0,
    "low gravity": 1.62,
    "earth": 9.81,
    "outer space": 0.0,
    "high gravity": 20.0,
}
"""m/s2."""

SILENT = frozenset(
    "the a an and or then while as when that which who it its they them this these those there here is are was were be "
    "been being has have had do does will would can could should may might must to of very really quite just also so "
    "too at in on with for by from into some any each other one another both all own only please want i we you me us "
    "my our your let lets get gets getting up out off over same again still now later finally first next slightly bit "
    "after before until once which what where how like kind sort type piece picture image video shot scene view frame "
    "photo photorealistic realistic beautiful nice animation render rendering simulation show showing see seen "
    "camera looking against along through across way time object thing things side part middle centre center".split()
)
"""Words that carry no content of their own: not listed among the ignored."""

FOREIGN = frozenset(
    "der die das ein eine einen und ist auf mit von den dem im fallt rot roter drei le la les un une et est "
    "sur avec dans des du qui tombe el los las una y es en con por que cae il lo gli uno e su per di che cade de het "
    "een op met van valt os as um uma com para na no do cai och ett pa med som na w z i jest spada nicht sind".split()
)
"""Function words of the neighbouring languages, to tell a foreign prompt from an English one with unknown things."""
