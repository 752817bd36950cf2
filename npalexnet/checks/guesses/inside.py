"""What notebook 8 asks: how much a picture of a network is worth."""

from __future__ import annotations

from npalexnet.checks.guess import Question

QUESTIONS = {
    "filters that look like noise": Question(
        wanted="'yes' or 'no'",
        answer="no",
        because="The start was noise, and it is louder than what was added to it. "
        "Subtract the start, and look again.",
        thoughts={
            "yes": "What did they look like before training? Could a small change "
            "hide under that?",
            "perhaps": "Think of what can be subtracted.",
        },
        hint="Where did these numbers start?",
    ),
    "the layer that learned most": Question(
        wanted="the name of a layer, like 'conv1'",
        answer="conv2",
        because="More than 20 points. fc6 and fc7 hold three quarters of all weights, "
        "and their training is worth next to nothing.",
        thoughts={
            "fc6": "It has most weights. But what it had at the start was nearly good "
            "enough.",
            "fc7": "Many weights, but the start was nearly good enough.",
            "fc8": "It names the classes. But the layers below have learned to speak "
            "to its start.",
            "conv1": "The first layer has changed by a tenth, and that is worth 6 "
            "points. Another one is worth more.",
        },
        hint="It is one of the eight: conv1 to conv5, fc6, fc7, fc8. Not one of those "
        "with many weights.",
    ),
    "how far conv2 sees": Question(
        wanted="a whole number",
        answer=9 + (5 - 1) * 4,
        because="Four steps more of the layer below, and a step there is 4 pixels.",
        thoughts={
            13: "4 more, but in steps of the layer below: these are 4 pixels long.",
            29: "5 units are only 4 steps apart.",
            5: "That is the window in units of pool1. How many pixels are those?",
            45: "The windows overlap: add 4 steps, do not multiply.",
        },
        hint="size + (K − 1) · jump, with size 9, K 5 and jump 4.",
    ),
    "flags that the twin likes": Question(
        wanted="'yes' or 'no'",
        answer="no",
        because="The twin has learned nothing, and chooses as many flags. Large areas "
        "of strong colour excite almost any filter.",
        thoughts={
            "yes": "How many flags does a map choose that knows nothing? Ask the twin.",
            "perhaps": "Ask the twin, which knows nothing.",
        },
        hint="Ask the twin the same.",
    ),
    "small steps for all pixels": Question(
        wanted="'rises', 'falls' or 'stays'",
        answer="stays",
        because="Half of them push one way, half the other. Only steps that all "
        "follow the gradient add up.",
        thoughts={
            "falls": "That is what happens if all steps go against the gradient. "
            "Signs drawn blindly mostly cancel.",
            "rises": "That would be so with the gradient. Blindly drawn signs do not "
            "know it.",
        },
        hint="Thousands of small pushes, half up, half down: what is left?",
    ),
}
