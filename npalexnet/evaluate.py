"""How good is it? Top-1 and top-5 on pictures that were not trained on.

python -m npalexnet.evaluate                     the newest run
python -m npalexnet.evaluate runs/emoji-small --ten-crop

Besides printing the numbers it leaves two figures in the run's folder: confusion.png,
what each class is taken for, and top5.png, some answers in full.
"""

from __future__ import annotations

from npalexnet.net import threads
from npalexnet.system import cli
from npalexnet.system.errors import UserError
from npalexnet.training.evaluation import (
    Result,
    class_table,
    confusion,
    draw,
    evaluate,
    pictures_for,
    predict_probabilities,
    validation_set,
)
from npalexnet.training.folder import checkpoint_of, read_config
from npalexnet.weights import checkpoint

__all__ = ["Result", "evaluate", "main", "predict_probabilities"]


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    parser = cli.Parser(
        prog=cli.typed("evaluate"),
        description="Test a trained network on its validation pictures.",
    )
    parser.add_argument(
        "run",
        nargs="?",
        type=cli.path,
        metavar="RUN",
        help="run folder or checkpoint; newest if none",
    )
    parser.add_argument(
        "--ten-crop",
        action="store_true",
        help="show each picture ten times: corners, centre, mirrored (slower, better)",
    )
    parser.add_argument(
        "--data", type=cli.path, metavar="PATH", help="where the pictures are now"
    )
    parser.add_threads()
    args = parser.parse_args(argv)

    def command() -> int:
        count = cli.threads_to_use(args)
        if count is not None:
            threads.set_threads(count)
        path = checkpoint_of(args.run)
        if (path.parent / "config.json").exists():
            config = read_config(path.parent)
            print(f"{path}: {config['variant']} trained on {config['subset']}")
            graph = checkpoint.load(path)
            pictures, classes = validation_set(config, args.data)
        elif args.data:
            graph = checkpoint.load(path)
            pictures, classes = pictures_for(graph, args.data)
            print(f"{path}: {len(classes)} classes, tested on {args.data}")
        else:
            raise UserError(
                f"{path}: there is no run beside it that says on which pictures to "
                "test; say where they are with --data PATH, one folder for each class"
            )
        result = evaluate(graph, pictures, args.ten_crop)
        print(class_table(confusion(result, pictures.labels), classes))
        try:
            draw(path.parent, graph, result, pictures, classes)
            names = (path.parent / "confusion.png", path.parent / "top5.png")
            print("figures:", *names)
        except UserError as error:  # somebody else's run: the numbers are still good
            print(f"no figures: {error}")
        how = "ten crops" if args.ten_crop else "centre crop"
        print(f"loss {result.loss:.4f} ({how})")
        n = len(pictures.labels)
        print(f"top1 {result.top1:.3f} top5 {result.top5:.3f} n {n}")
        return 0

    return cli.run(command)


if __name__ == "__main__":
    raise SystemExit(main())
