"""One run: its options, its loop, its state, its folder, and what it says.

In here: options and configuration, the training loop and what stands beside it
(stopwatch, signals, progress), run folders and their logs, evaluation, ablation. Not
in here: what a step is (net/), how processes share the work (parallel/), the words of a
command line (the commands, one floor up).
"""
