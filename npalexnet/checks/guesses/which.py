"""What notebook 9 asks: what the name AlexNet does not tell."""

from __future__ import annotations

from npalexnet.checks.guess import Question

QUESTIONS = {
    "networks of one size": Question(
        wanted="a whole number",
        answer=4,
        because="paper, code2012, caffe and caffenet learn the same layers. Relu, norm "
        "and pool learn nothing, so their order costs no number.",
        thoughts={
            1: "Red frames around norm, pool and relu do not count: these learn "
            "nothing.",
            2: "paper and caffe look the same. But who differs only in layers that "
            "learn nothing?",
            3: "Count paper itself, too.",
            7: "owt has 64 filters in conv1, and small is small.",
        },
        hint="Only the blue boxes learn. In which columns are all of them as in "
        "paper's?",
    ),
    "227 for 224": Question(
        wanted="a whole number",
        answer=(((227 + 4 - 11) // 4 + 1) - 3) // 2 + 1,
        because="conv1 makes 56 places instead of 55, and both come down to 27: the "
        "last column is left over, and nobody notices.",
        thoughts={
            28: "conv1 makes 56. A window of 3 moves by 2 as often as it fits: 53 / 2 "
            "is 26, rounded *down*, and one.",
            26: "That is how often the window moves. It also stands at its first "
            "place.",
            56: "That is conv1's map. pool1 is still to come.",
            55: "That is conv1's map from 224. And pool1 is still to come.",
        },
        hint="conv1: (227 + 2 + 2 − 11) / 4 + 1. Then pool1: minus 3, through 2, "
        "rounded down, plus 1.",
    ),
    "caffe's s": Question(
        wanted="a number",
        answer=1 + 2e-5 * 100_000,
        because="k is 1, and what really multiplies the sum is 0.0001 / 5 = 0.00002.",
        thoughts={
            11: "Caffe writes 0.0001, and divides it by the window's size, 5.",
            12: "That is the paper's s: its k is 2, and nothing is divided.",
            4: "That is the code of 2012, with k = 2.",
            2: "That is the sum's part. k is still to be added.",
        },
        hint="s = k + α' · 100,000, with Caffe's k and α' from the table.",
        within=0.001,
    ),
    "the factor of dropout": Question(
        wanted="a number",
        answer=2,
        because="Their matrix was trained on doubled inputs, so its numbers are half "
        "as large. Ours halves the inputs in the test, and so must weigh them twice.",
        thoughts={
            0.5: "That is the other direction, from ours to theirs. We halve the "
            "inputs in the test; must the weights be larger or smaller then?",
            1: "Then every sum of fc7 would be half of what it should be, since we "
            "halve its inputs in the test.",
            4: "They double in training *or* we halve in the test: it is one factor, "
            "not two.",
        },
        hint="In the test an input x of theirs arrives as x, and in ours as x / 2. "
        "The sum should be the same.",
    ),
    "sure without the mean": Question(
        wanted="'surer', 'less sure' or 'as sure'",
        answer="surer",
        because="All pixels are positive and large now, so are the answers, and so "
        "are the differences between the classes. Loud is not right.",
        thoughts={
            "less sure": "So one would wish. But it does not know what it does not "
            "know: inputs that are larger make logits that are larger.",
            "as sure": "Its inputs are larger than ever in training. What does that "
            "do to the logits, and softmax to them?",
        },
        hint="Without the mean all inputs are shifted one way, and larger. What does "
        "softmax make of larger logits?",
    ),
}
