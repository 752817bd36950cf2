"""What notebook 1 asks: shapes, and what each kind of layer does."""

from __future__ import annotations

from npalexnet.checks.guess import Question

CONV1 = 96 * (3 * 11 * 11 + 1)

QUESTIONS = {
    "numbers in the picture": Question(
        wanted="a whole number",
        answer=64 * 64 * 3,
        because="64 rows of 64 pixels, and each pixel is three numbers: how much red, "
        "green and blue.",
        thoughts={
            64 * 64: "That counts the pixels. How many numbers does one pixel have?",
            64 + 64 + 3: "You added the sides. A table of 64 rows with 64 columns has "
            "64 *times* 64 places.",
            64 * 3: "That is one row of pixels with its colours; there are 64 rows.",
        },
        hint="Count the pixels first: rows times columns. Then the numbers of one.",
    ),
    "side of a map": Question(
        wanted="a whole number",
        answer=5 - 3 + 1,
        because="The window's left column can stand on column 0, 1 or 2; on 3 it "
        "would hang over the edge. So the map is 5 − 3 + 1 = 3 wide.",
        thoughts={
            5: "That is the picture's side. With the window's left column on the last "
            "column of the picture, two thirds of it would hang over the edge.",
            5 - 3: "5 − 3 is how often the window can *move*. It has answered once "
            "before it moved for the first time.",
            3 * 3: "That is how many places there are in all; asked is one side.",
        },
        hint="Lay three fingers on five fields: on how many places do they fit?",
    ),
    "after relu": Question(
        wanted="five numbers, like (1, 2, 3, 4, 5)",
        answer=(0, 3, 0, 0, 4),
        because="Negative numbers become 0, all others stay as they are.",
        thoughts={
            (2, 3, 0.5, 0, 4): "You took the minus away. relu does not make −2 a 2: a "
            "filter that found the *opposite* of what it looks for is to be silent.",
            (
                0,
                1,
                0,
                0,
                1,
            ): "You answered yes or no. relu keeps *how strong* a positive number was.",
            (-2, 0, -0.5, 0, 0): "The other way round: the positive ones are kept.",
            (3, 4): "The negative ones do not vanish, they become 0: each number "
            "stays at its place.",
        },
        hint="Go through them one by one: is it below 0? Then write 0, else copy it.",
    ),
    "two layers without relu": Question(
        wanted="a number",
        answer=2 * 3,
        because="3 · (2 · x) = 6 · x, whatever x is: one layer with the weight 6.",
        thoughts={
            2 + 3: "You added. Try x = 1: the first layer says 2, and the second?",
            3: "That is the second layer alone. What does it get?",
            2: "That is the first layer alone. The second works on what it says.",
        },
        hint="Try x = 1: what does the first layer say, and then the second?",
    ),
    "windows side by side": Question(
        wanted="a whole number",
        answer=(55 - 2) // 2 + 1,
        because="They begin at 0, 2, ..., 52, too; the last column is in no window. "
        "What counts is how far they move, not how wide they are.",
        thoughts={
            28: "55 / 2, rounded up. But a window that begins at 54 would hang over "
            "the edge.",
            27.5: "Half a window does not count.",
            54: "That would be windows that move by one.",
            18: "They move by two, not by three.",
        },
        hint="Where do they begin? 0, 2, ... Which is the last that fits on 0 to 54?",
    ),
    "side after pooling": Question(
        wanted="a whole number",
        answer=(7 - 3) // 2 + 1,
        because="The windows begin at columns 0, 2 and 4, and the last one ends at 6, "
        "the seventh column: three windows. They share columns 2 and 4.",
        thoughts={
            2: "Two windows of three fit if they stand side by side. These move by "
            "two only, so each shares a column with the next one.",
            5: "That would be a window which moves by one. These move by two.",
            4: "7 divided by 2, rounded up. But a window that begins at column 6 "
            "would hang over the edge.",
            3.5: "A side is a whole number. Write down the columns where a window "
            "begins.",
        },
        hint="Write down at which column each window begins: 0, 2, ... The last one "
        "must end at column 6.",
    ),
    "numbers in a row": Question(
        wanted="a whole number",
        answer=256 * 6 * 6,
        because="Nothing is lost and nothing is computed: 256 maps of 36 numbers, one "
        "after the other.",
        thoughts={
            6 * 6: "That is one map. All 256 are written into the row.",
            256 + 6 + 6: "You added. A map of 6 rows and 6 columns has 36 numbers, "
            "and there are 256 maps.",
            256: "That would be one number for each map. flatten keeps all 36 of each.",
        },
        hint="How many numbers has one map? How many maps are there?",
    ),
    "parameters of fc": Question(
        wanted="a whole number",
        answer=3 * (4 + 1),
        because="Each of the three units has a weight for each of the four inputs, "
        "and one bias: 3 × (4 + 1).",
        thoughts={
            3 * 4: "Those are the weights. Each unit also adds one number of its own, "
            "its bias.",
            4 + 3: "You added. *Each* unit has its own weight for *each* input.",
            4 * (3 + 1): "You gave a bias to each input. It belongs to the unit, "
            "which adds it to its sum.",
            4 + 1: "That is one unit. There are three.",
        },
        hint="How many numbers does one unit need? Its weights, and its bias. Then "
        "three times that.",
    ),
    "ten equal logits": Question(
        wanted="a number between 0 and 1",
        answer=1 / 10,
        because="Ten equal shares of 1. That all logits are 5 does not matter: only "
        "their differences do.",
        thoughts={
            0.5: "As between two classes. There are ten that share 1.",
            1: "All ten cannot have probability 1: together they have 1.",
            5: "A probability is between 0 and 1; 5 is the logit.",
            0: "Then they would add up to 0. They add up to 1.",
        },
        hint="All ten get the same share, and together they get 1.",
        within=0.001,
    ),
    "a picture of no class": Question(
        wanted="a number",
        answer=1,
        because="softmax gives shares of 1, whatever the picture. A network has no "
        "way to say “none of these”: it must spread its belief over the classes it "
        "has.",
        thoughts={
            0: "You want it to say “none of these”. But softmax divides by the sum, "
            "so the shares add up to the same for every picture.",
            0.1: "That is what one class gets if it has no idea. How many classes are "
            "there?",
            0.5: "It may well be in doubt. But doubt shows in *how the shares are "
            "spread*, not in their sum.",
        },
        hint="Each probability is a share of a whole. What do all the shares make?",
        within=0.001,
    ),
    "two filters in a row": Question(
        wanted="a whole number",
        answer=3 + 2,
        because="The second filter looks at 3 × 3 numbers of the map. Neighbours "
        "among them come from windows that are one pixel apart: 3 + 2 = 5 pixels wide.",
        thoughts={
            3: "It looks at 3 × 3 numbers of the *map*, and each of these has seen 3 "
            "× 3 pixels. Together that is more.",
            6: "You added 3 and 3. But the windows overlap: the middle one begins one "
            "pixel after the first.",
            9: "You multiplied 3 and 3. That would be right for windows side by side; "
            "these move by one pixel and overlap.",
        },
        hint="Draw seven pixels in a line. Three windows of three that begin at "
        "pixels 0, 1 and 2: at which pixel does the last one end?",
    ),
    "shape after conv1": Question(
        wanted="a shape like (2, 7, 7)",
        answer=(96, 55, 55),
        because="One map for each filter. A filter adds up over all three colours, so "
        "they do not count separately.",
        thoughts={
            (3, 55, 55): "There are as many maps as filters, not as colours.",
            (96 * 3, 55, 55): "A filter does not make a map for each colour: it has a "
            "table for each, and *adds up* over all of them.",
            (
                96,
                3,
                55,
                55,
            ): "The colours are gone: each filter adds up over all three.",
            (55, 55, 96): "Right numbers. The order here is maps, height, width.",
            (
                96,
                11,
                11,
            ): "11 × 11 is the filter's size. Its map has one number for each place "
            "where the filter was laid.",
        },
        hint="How many maps does one filter make, from a picture in three colours?",
    ),
    "parameters of conv1": Question(
        wanted="a whole number",
        answer=CONV1,
        because="96 × (3 × 11 × 11 + 1): each filter has a table of 11 × 11 for each "
        "colour, and one bias.",
        thoughts={
            96 * 3 * 11 * 11: "Those are the weights. Each filter has one bias, too.",
            96 * (11 * 11 + 1): "A filter has a table for each of the three colours.",
            96 * 11 * 11: "A filter has a table for each of the three colours, and "
            "one number that it adds, its bias.",
            96
            * 3
            * (11 * 11 + 1): "One bias for each filter, not one for each colour.",
            CONV1
            * 55
            * 55: "Every place uses the *same* filter. Its numbers are there only "
            "once.",
        },
        hint="One filter: a table of 11 × 11 for each of 3 colours, and 1 bias. Then "
        "times 96. Let Python multiply.",
    ),
    "a picture twice as wide and high": Question(
        wanted="a number (1 if nothing changes)",
        answer=1,
        because="The same filters are laid on more places. More work, a larger map, "
        "but not one number more to learn.",
        thoughts={
            2: "The side is doubled. But what belongs to a filter: its own numbers, "
            "or the places where it is laid?",
            4: "The number of *places* is four times as large, and so is the work. "
            "The filter has not changed.",
        },
        hint="What does conv1 learn? Is any of it a number for one place?",
    ),
    "where the parameters are": Question(
        wanted="'conv' or 'fc'",
        answer="fc",
        because="fc6 alone has a weight for each of 9216 inputs in each of 4096 "
        "units, 38 million. A conv layer has only its filters, used again at all "
        "places.",
        thoughts={
            "conv": "conv layers do most of the *work*, since each filter is laid on "
            "many places. But its numbers are there only once.",
            "both": "It is far from half and half: work out fc6, 4096 units with 9216 "
            "inputs each, and compare with conv1 above.",
        },
        hint="Work out fc6: 4096 units that look at 9216 numbers each.",
    ),
    "where the work is": Question(
        wanted="'conv' or 'fc'",
        answer="conv",
        because="A weight of conv1 is used at 55 × 55 = 3025 places of each picture, "
        "a weight of fc6 once.",
        thoughts={
            "fc": "fc has most of the weights. But how often is each one used for a "
            "picture? Look at the last column above.",
            "both": "It is far from half and half: 92 % to 8 %.",
        },
        hint="Multiply: weights times how often each is used.",
    ),
}
