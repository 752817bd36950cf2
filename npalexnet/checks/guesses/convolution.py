"""What notebook 2 asks: one window by hand, sizes, and how a filter is learned."""

from __future__ import annotations

from npalexnet.checks.guess import Question

QUESTIONS = {
    "one window by hand": Question(
        wanted="a whole number",
        answer=3 * (60 - 10),
        because="Each row gives −10 + 0 + 60 = 50, and there are three. The middle "
        "column does not count: its weights are 0.",
        thoughts={
            60 - 10: "That is one row. All nine products are added up, three rows.",
            3 * (10 - 60): "The signs are turned: the weight on the left is −1, the "
            "one on the right +1.",
            3 * (60 + 10): "You added the left column. Its weights are −1.",
            10 * 5 + 20 + 60 * 3: "You added up the pixels without the weights.",
            3 * (60 - 10) + 20: "The 20 lies under a weight of 0 and does not count.",
        },
        hint="Row by row: −1 times the left pixel, 0 times the middle one, 1 times "
        "the right one. Then add up the three rows.",
    ),
    "a flat window": Question(
        wanted="a whole number",
        answer=0,
        because="Left and right are equal, so they cancel. A filter whose weights add "
        "up to 0 is silent wherever nothing changes, however bright it is.",
        thoughts={
            9
            * 200: "That is the sum of the pixels. Three of the weights are negative.",
            3 * 200: "That is the right column alone; the left one is subtracted.",
            -3 * 200: "That is the left column alone; the right one is added.",
            200: "A mean would answer 200. This filter compares left and right.",
        },
        hint="Three times −200, three times 0, three times +200.",
    ),
    "a map of the ambulance": Question(
        wanted="a whole number",
        answer=64 - 3 + 1,
        because="The window's left column can stand on columns 0 to 61.",
        thoughts={
            64: "The last window would hang over the edge by two columns.",
            64 - 3: "The window can *move* 61 times, and has answered once before.",
            64 // 3: "That would be windows side by side. This one moves by one pixel.",
            60: "One column is lost at each end, two in all.",
        },
        hint="In notebook 1 a window of 3 fitted 3 times on 5. How often on 64?",
    ),
    "against the slope": Question(
        wanted="'larger' or 'smaller'",
        answer="smaller",
        because="Larger makes the mistake grow, so smaller makes it shrink. Go "
        "*against* the slope: downhill.",
        thoughts={
            "larger": "That is the way on which the mistake grows. We want it small.",
            "neither": "Slope 0 would mean that it does not matter. It is +4.",
        },
        hint="Which way does the mistake shrink?",
    ),
    "examples for nine weights": Question(
        wanted="a whole number",
        answer=3 * 3,
        because="Each example is one equation for the nine unknown weights: nine "
        "equations that say different things.",
        thoughts={
            1: "One equation for nine unknowns: many different filters answer this "
            "one window correctly.",
            3: "There are nine unknowns, not three: one for each place in the filter.",
            10: "One too many. Two unknowns need two equations; nine need ...",
            200: "So many are not needed as long as nobody makes mistakes. How many "
            "equations do nine unknowns need?",
            62
            * 62: "That is every window of the ambulance. How many equations do nine "
            "unknowns need?",
        },
        hint="Two unknowns need two equations. Each example is one equation.",
    ),
    "weights of a colour filter": Question(
        wanted="a whole number",
        answer=3 * 11 * 11,
        because="A table of 11 × 11 for each of the three colours.",
        thoughts={
            11 * 11: "That is the table for one colour. It looks at three.",
            11 * 3: "11 rows *of 11 numbers* each, for each of three colours.",
            64 * 3 * 11 * 11: "Those are all 64 filters. Asked is one.",
            11**3: "It is 11 wide and 11 high, but only 3 deep: red, green, blue.",
        },
        hint="How many numbers has a table of 11 × 11? How many tables?",
    ),
    "shape of y": Question(
        wanted="a shape like (1, 2, 7, 7)",
        answer=(1, 8, 64 - 5 + 1, 64 - 5 + 1),
        because="One picture, eight filters and so eight maps, and a window of 5 fits "
        "60 times along 64.",
        thoughts={
            (
                1,
                3,
                60,
                60,
            ): "There are as many maps as *filters*. The channels are added up.",
            (
                1,
                24,
                60,
                60,
            ): "A filter does not make a map for each channel: it adds up over all "
            "three.",
            (1, 8, 62, 62): "That is for a filter of 3. This one is 5 wide.",
            (1, 8, 64, 64): "Without padding the map is smaller than the picture: how "
            "often does a window of 5 fit on 64?",
            (1, 8, 59, 59): "64 − 5 is how often the window can move. It has answered "
            "once before it moved.",
            (
                8,
                60,
                60,
            ): "Right numbers, but the first one is missing: how many pictures.",
            (8, 1, 60, 60): "Pictures come first, then maps.",
        },
        hint="Pictures, then filters, then twice: how often does a window of 5 fit on "
        "64?",
    ),
    "parameters of eight filters": Question(
        wanted="a whole number",
        answer=8 * (3 * 5 * 5 + 1),
        because="Each filter has 3 × 25 weights and one bias: 76, eight times.",
        thoughts={
            8 * 3 * 5 * 5: "Those are the weights. Each filter has a bias, too.",
            8 * (5 * 5 + 1): "A filter has a table for each of the three channels.",
            8
            * 5
            * 5: "A filter has a table for each of the three channels, and a bias.",
            8 * 3 * (5 * 5 + 1): "One bias for each filter, not for each channel.",
            8
            * (3 * 5 * 5 + 1)
            * 60
            * 60: "Every place uses the same filter: its numbers are there only once.",
        },
        hint="One filter: 3 tables of 5 × 5, and 1 bias. Times 8.",
    ),
    "windows at stride 2": Question(
        wanted="a whole number",
        answer=(9 - 3) // 2 + 1,
        because="They begin at pixels 0, 2, 4 and 6, and the last one ends at 8, the "
        "ninth pixel.",
        thoughts={
            3: "After the first window there are six pixels left, and each further "
            "window needs two of them, not three. Or did you forget the first one?",
            7: "That is stride 1.",
            5: "The fifth would begin at pixel 8 and hang over the edge.",
            4.5: "Half a window does not count. Write down where each begins.",
        },
        hint="Write down where each window begins, 0, 2, ..., as long as it ends at "
        "pixel 8 at the latest.",
    ),
    "pad that keeps the size": Question(
        wanted="a whole number",
        answer=(5 - 1) // 2,
        because="A window of 5 loses four places. Two zeros at each end give them "
        "back: in general (K − 1) / 2, for odd K.",
        thoughts={
            4: "Four in all is right; two at each end.",
            1: "That is right for a filter of 3. One of 5 loses more places.",
            5: "How many places are lost? A window of 5 fits on 64 pixels 60 times.",
            2.5: "Half a zero cannot be put anywhere. 64 − 5 + 1 = 60: how many are "
            "lost?",
        },
        hint="64 pixels, windows of 5: how many fit? How many are missing? Half of "
        "them at each end.",
    ),
    "the paper's 224": Question(
        wanted="a whole number",
        answer=(224 - 11) // 4 + 1,
        because="(224 − 11) // 4 = 213 // 4 = 53, plus 1. So the paper's 55 cannot "
        "come from 224 without padding.",
        thoughts={
            55: "So the paper says. But work it out: 224 − 11 = 213, and 213 // 4 is "
            "...",
            53: "53 is how often the window can move. Add the first one.",
            56: "224 / 4 would let the last windows hang over the edge.",
            54.25: "The rest is dropped: // gives whole numbers.",
            53.25: "The rest is dropped, and the first window is added.",
        },
        hint="(side + 2 · pad − K) // stride + 1, with 224, 0, 11 and 4.",
    ),
    "all windows at once": Question(
        wanted="a shape with six numbers",
        answer=(1, 3, 6, 6, 3, 3),
        because="One picture, three channels, 6 × 6 places, and 3 × 3 numbers in each "
        "window.",
        thoughts={
            (1, 3, 8, 8, 3, 3): "On a side of 8 a window of 3 fits 6 times, not 8.",
            (1, 3, 3, 3, 6, 6): "Right numbers. The places come first, then what is "
            "inside a window.",
            (
                1,
                1,
                6,
                6,
                3,
                3,
            ): "The channels are still there: nothing was added up yet.",
            (
                1,
                3,
                5,
                5,
                3,
                3,
            ): "8 − 3 is how often the window can move; add the first.",
        },
        hint="Picture, channel, place down, place across, and inside the window down "
        "and across.",
    ),
    "weights with two groups": Question(
        wanted="a whole number",
        answer=96 // 2 * 5 * 5,
        because="48 maps, the half on its own card, with a table of 5 × 5 for each.",
        thoughts={
            96
            * 5
            * 5: "That is a filter which sees all 96 maps. With two groups it sees "
            "the half.",
            5 * 5: "It has a table of 5 × 5 for *each* map that it sees.",
            2 * 5 * 5: "Two groups do not mean two maps: each group has 48.",
            96 // 2 * 5 * 5 + 1: "1 is the bias; asked are the weights.",
        },
        hint="How many maps does it see? A table of 5 × 5 for each of them.",
    ),
}
