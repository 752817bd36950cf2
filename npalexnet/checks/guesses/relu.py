"""What notebook 4 asks: why there is a bend, and what comes back through it."""

from __future__ import annotations

import math

from npalexnet.checks.guess import Question

QUESTIONS = {
    "the mirrored input": Question(
        wanted="a number",
        answer=-5,
        because="Every product gets the other sign, so every sum does, layer after "
        "layer. All straight networks do this, and whatever does not is not straight.",
        thoughts={
            5: "That would be so if signs did not matter. Each product has the other "
            "sign.",
            0: "relu would silence what is negative. There is none here.",
        },
        hint="One unit: a sum of weight times input. What if each input gets the "
        "other sign?",
    ),
    "the slope of a large input": Question(
        wanted="a number",
        answer=1,
        because="The gate is open, and y moves exactly as z does, however large z is.",
        thoughts={
            20: "20 is what it hands on *forward*. Backward it hands on dy times its "
            "slope.",
            0: "That is for a shut gate, z below 0. This one is open.",
            1 / 20: "It does not divide by its input. Its slope is the same "
            "everywhere above 0.",
        },
        hint="dz = dy times the slope of max(0, z) at 20.",
        within=0.001,
    ),
    "half of the gates": Question(
        wanted="a number",
        answer=math.sqrt(1 / 2),
        because="Half of the squares are left, and the root of a half is 0.71.",
        thoughts={
            0.5: "That is the mean of the *squares*. The root is still to be taken.",
            0.25: "Ones stay ones, and ones squared are ones: half of the squares are "
            "left, not a quarter.",
            1: "That would be so if all gates were open.",
            0: "Only half of the gates are shut.",
        },
        hint="500 ones and 500 zeros: square them, take the mean, take the root.",
        within=0.02,
    ),
    "a rate for the dead": Question(
        wanted="'a larger one', 'a smaller one' or 'none'",
        answer="none",
        because="A rate is multiplied with the slope, and the slope is exactly 0. "
        "Nothing behind a dead layer moves any more. It must start again.",
        thoughts={
            "a smaller one": "A smaller rate would have *prevented* it. Now the "
            "slopes are 0, and 0 times any rate is 0.",
            "a larger one": "The step is rate times slope, and the slopes are 0.",
        },
        hint="How long is a step: what is multiplied with the rate?",
    ),
}
