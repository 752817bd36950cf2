"""What notebook 5 asks: who wins, who collects, and who is held down."""

from __future__ import annotations

from npalexnet.checks.guess import Question

QUESTIONS = {
    "windows of a pixel": Question(
        wanted="a whole number",
        answer=2 * 2,
        because="Windows begin at rows 0, 2, 4, ...: row 4 is in those that begin at "
        "2 and at 4. The same for the columns: 2 × 2.",
        thoughts={
            2: "That is for the rows alone. Columns do the same.",
            1: "That would be a pixel in an odd row and an odd column.",
            9: "That would be stride 1. These move by two.",
            3: "Count the rows at which a window begins that reaches row 4: 2 and 4.",
        },
        hint="Which windows reach row 4? They begin at 0, 2, 4, ..., and are 3 high. "
        "And which reach column 4?",
    ),
    "a pixel that wins four times": Question(
        wanted="a number",
        answer=1 + 2 + 3 + 4,
        because="It moves all four outputs at once, and movements add up.",
        thoughts={
            4: "That is the window that came last, as with `=`. The others count, too.",
            2.5: "That is the mean. If the pixel moves, all four outputs move: they "
            "add up.",
            1: "That is the first window alone.",
            9: "9 is the pixel itself. It does not matter by how much it wins.",
        },
        hint="What is used several times adds up (notebook 3).",
    ),
    "three additions to one place": Question(
        wanted="a number",
        answer=30,
        because="NumPy reads dx[1] three times, 0 each time, adds, and writes 10, 20 "
        "and 30 to the same place. The last one stays. `np.add.at` adds all three.",
        thoughts={
            60: "So one would wish. But all three are read before the first is "
            "written.",
            10: "All three are written, one after the other. Which one stays?",
            0: "Something is written. Which one stays?",
        },
        hint="It reads all three, then adds, then writes all three.",
    ),
    "loud neighbours": Question(
        wanted="'rises', 'falls' or 'stays'",
        answer="falls",
        because="Its own x is the same, but it is divided by more: s grows with the "
        "squares of its neighbours.",
        thoughts={
            "rises": "The neighbours stand in s, and s divides.",
            "stays": "Its x stays. But it is divided by something in which the "
            "neighbours stand.",
        },
        hint="Look at the formula: where do the neighbours stand?",
    ),
    "louder still": Question(
        wanted="'rises', 'falls' or 'stays'",
        answer="falls",
        because="From 52 to 46: s holds its own square, too, and grows faster than x "
        "once x is above 200.",
        thoughts={
            "rises": "It does so up to 200. But s holds its own square: 2 + 0.0001 · "
            "400² = 18. Work out both.",
            "stays": "Work out both: 200 · 6 ** −0.75, and 400 · 18 ** −0.75.",
        },
        hint="y = x · (2 + 0.0001 · x²) ** −0.75, for 200 and for 400.",
    ),
    "a check that is blind": Question(
        wanted="'yes' or 'no'",
        answer="no",
        because="With x near 1 the second term is about 2 · 0.0001 · 0.75 of the "
        "first: less than a thousandth. The check passes a wrong derivative.",
        thoughts={
            "yes": "How large is the missing term beside the first? It has a factor "
            "of 2 αβ = 0.00015.",
            "perhaps": "Work it out: the missing term has a factor of 2 αβ.",
        },
        hint="How large is 2 · α · β, and what is it compared with?",
    ),
}
