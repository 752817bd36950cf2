"""What notebook 3 asks: slopes by hand, what adds up, the loss, and wrong gradients."""

from __future__ import annotations

import math

import numpy as np

from npalexnet.checks.guess import Question

# The picture (5 × 5), the filter (3 × 3) and dy of the convolution by hand.
PICTURE = np.array(
    [
        [1, 0, 2, 1, 3],
        [0, 1, 3, 2, 1],
        [2, 1, 0, 1, 2],
        [1, 3, 1, 0, 2],
        [0, 2, 1, 1, 0],
    ]
)
FILTER = np.array([[1, 0, -1], [2, -2, 0], [0, 1, 2]])
DY = np.array([[1, 0, 0], [0, 2, 0], [0, 0, -1]])


def slope_of_weight(i: int, j: int) -> int:
    """What dw[i, j] collects: each answer's dy times the pixel that w[i, j] lay on."""
    return int((DY * PICTURE[i : i + 3, j : j + 3]).sum())


QUESTIONS = {
    "the loss by hand": Question(
        wanted="a number",
        answer=(3 * 2 * 0.5 - 1) ** 2,
        because="z = 6, h = 6, y = 3, and 3 − 1 = 2, squared.",
        thoughts={
            2: "That is how far y is from t. The loss is its square.",
            25: "You left out w₂: y is half of h.",
            9: "That is y squared. First subtract what was wanted, t = 1.",
            -2: "t − y; and it must be squared.",
        },
        hint="z = 2 · 3. Then relu. Then y = 0.5 · h. How far is y from 1? Square it.",
    ),
    "what a slope says": Question(
        wanted="a number",
        answer=6 * 0.01,
        because="The slope says how many times as much the loss moves: 6 × 0.01. It "
        "is exact for tiny steps, and nearly so for small ones.",
        thoughts={
            6: "6 is how much *for each 1* that the weight moves, if it went on like "
            "this. The weight moves by 0.01 only.",
            0.6: "That would be for 0.1. The weight moves by 0.01.",
            0.01: "That is how far the weight moves. The loss moves 6 times as much.",
            4.06: "That is the new loss. Asked is by how much it grows.",
        },
        hint="Slope times movement.",
        within=0.02,
    ),
    "the slope of w2": Question(
        wanted="a number",
        answer=4 * 6,
        because="y = w₂ · h, so y moves h = 6 times as much as w₂, and the loss moves "
        "4 times as much as y. Slopes along a chain are multiplied.",
        thoughts={
            4 * 0.5: "You multiplied by w₂: that is the slope of *h*. For a product "
            "the slope is the *other* factor.",
            4 + 6: "You added. If y moves 6 times as much and the loss 4 times as "
            "much as y, then the loss moves 4 *times* 6 times as much.",
            6: "That is how much y moves. The loss moves 4 times as much as y.",
            4: "That is the slope of y. How much does y move with w₂?",
        },
        hint="y = w₂ · h: how much does y move if w₂ moves by 1? That times dy.",
    ),
    "a shut gate": Question(
        wanted="a number",
        answer=0,
        because="z = −6, relu makes it 0, and it stays 0 when w₁ moves a little. The "
        "loss does not notice. This example cannot teach w₁ anything.",
        thoughts={
            6: "That was for x = 3, where z is positive. Now z = −6: what does relu "
            "do?",
            -6: "Minus, because x is −3? Look at relu first: z = −6.",
            18: "Look at relu first: z = −6, and h = 0, whatever w₁ is.",
        },
        hint="What is z, and what is h? Does h change if w₁ becomes 2.1?",
    ),
    "a wrong sign": Question(
        wanted="'falls', 'rises' or 'stays'",
        answer="rises",
        because="Every step goes uphill. The loss rises, and the farther up, the "
        "faster, for the slope gets steeper.",
        thoughts={
            "falls": "It falls if we go *against* the slope. With the wrong sign we "
            "go along with it.",
            "stays": "Nothing stands still: the steps are as long as before, in the "
            "other direction.",
        },
        hint="The slope points to where the loss grows. Where does the step go?",
    ),
    "used three times": Question(
        wanted="a number",
        answer=1 * 10 + 2 * 0 + 3 * -1,
        because="1 · 10 + 2 · 0 + 3 · (−1): w moves the loss through each place, and "
        "the movements add up.",
        thoughts={
            (10 + 0 - 1): "Each dy is first multiplied by what w was multiplied with.",
            1 + 2 + 3: "The x alone. How much the loss cares for each place, dy, "
            "counts, too.",
            7 / 3: "That is the mean. If w moves, all three places move at once: they "
            "add up.",
            -3: "That is the last place alone. w was used at three places.",
            6 * 9: "First multiply place by place, then add up.",
        },
        hint="At each place: dy times x. Then add the three.",
        within=0.001,
    ),
    "one dw of a filter": Question(
        wanted="a whole number",
        answer=slope_of_weight(1, 2),
        because="w[1, 2] lay on pixel [1, 2] for the first answer, on [2, 3] for the "
        "second and on [3, 4] for the third: 1 · 3 + 2 · 1 − 1 · 2.",
        thoughts={
            7: "The third answer has dy = −1: its pixel is subtracted.",
            6: "You added the three pixels, each once. Each counts as much as its dy.",
            5: "You have two of the three: where dy = −1, the pixel is subtracted.",
            slope_of_weight(2, 1): "That is dw[2, 1]: the row comes first.",
        },
        hint="Lay the filter on the three windows where dy is not 0. Which pixel lies "
        "under w[1, 2] each time? Times dy, and add up.",
    ),
    "one dx of a picture": Question(
        wanted="a whole number",
        answer=int(FILTER[2, 2] * 1 + FILTER[1, 1] * 2 - FILTER[0, 0]),
        because="The middle pixel was in all three windows: under w[2, 2], w[1, 1] "
        "and w[0, 0]. 1 · 2 + 2 · (−2) − 1 · 1.",
        thoughts={
            -1: "That is the last stamp alone. The three overlap here, and *add up*.",
            -4: "That is the middle stamp alone. All three cover this pixel.",
            1: "You added the three weights, each once. Each counts as much as its dy.",
            -2: "You have two of the three stamps.",
            3: "Careful with the signs: −2 and −1.",
        },
        hint="All three stamps cover the middle. What does each of them put there?",
    ),
    "the slope of a bias": Question(
        wanted="a number",
        answer=int(DY.sum()),
        because="The bias was added at every place, so it moves all answers at once: "
        "1 + 2 − 1.",
        thoughts={
            2 / 9: "That is the mean of dy. If b moves, all nine answers move: they "
            "add up.",
            4: "The third one counts −1.",
            3: "So many are not 0. How much does the loss move in all?",
            9: "The bias was used nine times, but what counts is dy at each.",
            1: "That is one place. The bias was used at all.",
        },
        hint="y = ... + b, at each place. If b moves by a little, each answer moves "
        "as much.",
        within=0.001,
    ),
    "places of one weight": Question(
        wanted="a whole number",
        answer=(13 - 3 + 1) ** 2,
        because="11 windows fit along a side, 11 × 11 in all, and the weight is used "
        "in each.",
        thoughts={
            11: "That is along one side. The map has rows *and* columns.",
            9: "So many weights has the filter. How many windows are there?",
            13 * 13: "A window of 3 does not fit at every pixel: 13 − 3 + 1 along a "
            "side.",
            10 * 10: "13 − 3 is how often the window can move along a side; add one.",
            1: "The weight is there once, but *used* in every window.",
        },
        hint="How many windows of 3 fit along 13 pixels? And in the other direction?",
    ),
    "before training": Question(
        wanted="a number",
        answer=math.log(1000),
        because="It gives each of 1000 classes 1/1000, and −ln(1/1000) = ln 1000.",
        thoughts={
            1 / 1000: "That is the probability p. The loss is −ln p.",
            0: "0 would mean that it gives the right class probability 1.",
            999 / 1000: "That is 1 − p, a share. The loss is −ln p, and may be larger "
            "than 1.",
            1000: "That is 1/p. The loss is its logarithm.",
            3: "That is the logarithm to the base 10. ln has the base e, np.log.",
            math.log(10): "That is for ten classes.",
            -math.log(1000): "−ln p, and ln p is negative itself.",
        },
        hint="It knows nothing, so each class gets the same p. Then −ln p; np.log is "
        "ln.",
        within=0.01,
    ),
    "slopes of the logits": Question(
        wanted="three numbers, like (0.1, 0.2, 0.3)",
        answer=(0.7, 0.2 - 1, 0.1),
        because="p, minus 1 at the right class. They add up to 0: what one class "
        "wins, the others lose.",
        thoughts={
            (0.7, 0.2, 0.1): "Those are the probabilities. The right class gets 1 "
            "subtracted.",
            (-0.3, 0.2, 0.1): "You subtracted 1 from the largest. It is the *right* "
            "class, the second, that gets it.",
            (-0.7, 0.8, -0.1): "The signs are turned: those are the directions in "
            "which we want to go. The slope points uphill.",
            (0, -0.8, 0): "The wrong classes count, too: each of their logits pushes "
            "the right one down.",
            (-0.3, -0.8, -0.9): "1 is subtracted from the right class only.",
        },
        hint="p − 1 for the right class, p for each other one.",
        within=0.001,
    ),
    "shape of a gradient": Question(
        wanted="a shape with four numbers",
        answer=(1, 3, 56, 56),
        because="A slope for each number of x. dx has the shape of x, dw that of w, "
        "always.",
        thoughts={
            (1, 10): "Those are the logits. Asked is a slope for each number that "
            "went *in*.",
            (1, 1, 56, 56): "Each pixel is three numbers, and each has a slope.",
            (1, 48, 27, 27): "That is what conv1 says. Asked is a slope for each "
            "number that went into the network.",
            (3, 56, 56): "Right numbers, but the first one is missing: how many "
            "pictures.",
        },
        hint="One slope for each number of x.",
    ),
    "a wrong sign in the first layer": Question(
        wanted="'falls', 'rises' or 'stays'",
        answer="falls",
        because="It falls all the same, only less far: the layers behind it are "
        "right, and make the best of filters that get worse. So a run that learns "
        "proves little.",
        thoughts={
            "rises": "That is what happens if all steps go uphill. Here two layers of "
            "three still go downhill, and they get the last word.",
            "stays": "Nothing would be learned if no layer could learn. Two of three "
            "can.",
        },
        hint="Two layers of three learn as they should.",
    ),
    "the best step": Question(
        wanted="'large' or 'small'",
        answer="large",
        because="On a straight line a large step makes no error at all, and the "
        "larger the difference, the less rounding matters.",
        thoughts={
            "small": "Small steps help where the curve is bent. This one is straight, "
            "and a small step leaves only few digits of the difference.",
            "neither": "Two errors pull in opposite directions. One of them is "
            "missing here: which?",
        },
        hint="Is there anything bent that a large step could miss?",
    ),
    "which one is right": Question(
        wanted="'dx', 'dw' or 'db'",
        answer="dw",
        because="dw adds up over all pictures and places, as it must.",
        thoughts={
            "db": "Look at the word mean. The bias was added at every place: what "
            "moves together adds up.",
            "dx": "Look at the sign =. A pixel that is in several windows collects "
            "from all of them.",
        },
        hint="Two rules: what is used several times adds up; never a mean.",
    ),
}
