"""What notebook 7 asks: how long a step may be, and why a loss stands still."""

from __future__ import annotations

import math

from npalexnet.checks.guess import Question

QUESTIONS = {
    "one step in the valley": Question(
        wanted="a number",
        answer=2.5 - 0.01 * 25 * (2.5 - 1),
        because="The slope there is 25 · 1.5 = 37.5, a hundredth of it is 0.375, and "
        "the step goes against it.",
        thoughts={
            2.875: "That is uphill: the step goes *against* the gradient.",
            -35: "That is the whole slope. The rate makes a hundredth of it.",
            2.485: "The slope across has a factor of 25.",
            0.375: "That is the length of the step. Where does it end?",
        },
        hint="g = 25 · (w − 1) at w = 2.5. Then w − 0.01 · g.",
        within=0.0005,
    ),
    "the largest rate": Question(
        wanted="a number",
        answer=2 / 100,
        because="Beyond it the factor 1 − ε · 100 is below −1, and each step ends "
        "farther up on the other side.",
        thoughts={
            2: "That is for the flat direction, λ = 1. The steep one blows up first.",
            0.01: "That is the rate that lands exactly on the bottom. Twice as much "
            "is still allowed.",
            0.08: "That was the valley above, with λ = 25. This one is steeper.",
        },
        hint="1 − ελ must not be below −1. Which of the two λ decides?",
        within=0.005,
    ),
    "the speed of the ball": Question(
        wanted="a whole number",
        answer=10,
        because="It keeps 0.9 of its speed and gets one push: at ten pushes it loses "
        "exactly one at each step.",
        thoughts={
            0.9: "That is what it keeps of one push. The pushes add up.",
            1: "That would be so without momentum.",
            9: "1 + 0.9 + 0.81 + ...: the first push counts, too.",
            1.9: "That is after two steps. It goes on.",
        },
        hint="At which speed v is v = 0.9 · v + 1?",
    ),
    "what decay leaves": Question(
        wanted="a number",
        answer=1.5,
        because="The slope is w − 3, the pull is w. They cancel at 1.5.",
        thoughts={
            3: "There the slope is 0, and the pull of decay is not.",
            0: "There the pull is 0, and the slope is not.",
            1: "That is with d = 2. Here both are of the same strength.",
        },
        hint="Where is (w − 3) + 1 · w = 0?",
    ),
    "the flat loss": Question(
        wanted="a number",
        answer=math.log(100),
        because="Each class gets 1/100, and −ln(1/100) = ln 100.",
        thoughts={
            math.log(10): "That is for 10 classes.",
            0.01: "That is the probability. The loss is −ln of it.",
            2: "That is the logarithm to base 10. Here it is ln, to base e.",
            100: "The loss is the logarithm of it.",
        },
        hint="What probability has each class? Then −ln of it.",
        within=0.01,
    ),
}
