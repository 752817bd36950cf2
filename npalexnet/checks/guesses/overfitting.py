"""What notebook 6 asks: what is learned by heart, and what a missing factor does."""

from __future__ import annotations

from npalexnet.checks.guess import Question

QUESTIONS = {
    "the loss of new pictures": Question(
        wanted="'rises', 'falls' or 'stays'",
        answer="rises",
        because="It gets more and more certain of what it says, and on new pictures "
        "it is often wrong. Certain and wrong is what the loss punishes most.",
        thoughts={
            "falls": "That is the loss of the 300. Nothing makes it fall for others.",
            "stays": "So does the share of right answers, nearly. But the loss also "
            "asks how certain the wrong ones are.",
        },
        hint="It learns to be certain. What is −ln p where it is certain, and wrong?",
    ),
    "views of a drawing": Question(
        wanted="a whole number",
        answer=2 * (64 - 56 + 1) ** 2,
        because="A crop begins in one of nine rows, 0 to 8, and in one of nine "
        "columns, and there are two sides: 9 × 9 × 2.",
        thoughts={
            81: "And each of them mirrored.",
            128: "8 × 8 × 2: it can begin at 0, too. Count from 0 to 8.",
            18: "Rows and columns are chosen independently: 9 *times* 9.",
            64: "From 0 to 8 there are nine places. And the mirror is missing.",
        },
        hint="In how many rows can a crop begin? In how many columns? And the mirror?",
    ),
    "an eigenvalue for a root": Question(
        wanted="a number",
        answer=0.1 * 113**2,
        because="0.1 · 113². There are only 255 grey levels: it leaves nothing of "
        "the picture.",
        thoughts={
            11.3: "That is with the standard deviation itself. Take its square.",
            113**2: "And the factor of 0.1.",
            (0.1 * 113) ** 2: "The 0.1 stays outside of the square.",
        },
        hint="0.1 times z times 113 squared.",
        within=0.02,
    ),
    "a sum without the factor": Question(
        wanted="a number",
        answer=0.3 + 2 * (2.9 - 0.3),
        because="Twice as many neurons add up, but the bias is there once: "
        "0.3 + 2 · 2.6.",
        thoughts={
            5.8: "The bias is never dropped, so it does not double.",
            2.9: "That would be so with the factor.",
            1.45: "More neurons are there than in training, not fewer.",
        },
        hint="Take the bias away, double what the neurons bring, put it back.",
        within=0.005,
    ),
    "top-1 without the factor": Question(
        wanted="'rises', 'falls' or 'stays'",
        answer="stays",
        because="All ten sums grow by about the same factor, and the largest mostly "
        "stays the largest. That is why nobody notices.",
        thoughts={
            "falls": "Who has the largest of ten sums, when all are four times as "
            "large?",
            "rises": "The network gets surer. Is it right more often for that?",
        },
        hint="Top-1 asks only which of the ten sums is the largest.",
    ),
}
