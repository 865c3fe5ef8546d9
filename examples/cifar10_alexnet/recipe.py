"""Pictures, network, optimiser and schedule of the two presets: what recipe.cpp and pictures.cpp say."""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

import weft
from weft import data, datasets, nn, optim

CLASSES = "airplane automobile bird cat deer dog frog horse ship truck".split()
PICTURES = pathlib.Path(__file__).parent / "pictures"
TRAIN, TEST, SIDE = 500, 100, 32  # shipped pictures a class, and their sides
# Of the channels of the training pictures.
MEAN, STD = [0.4914, 0.4822, 0.4465], [0.2470, 0.2435, 0.2616]
DEFAULTS = {"classic": (30, 128, 0.02), "fast": (14, 128, 0.1)}


@dataclasses.dataclass
class Recipe:
    """What a run's numbers depend on; kept in its checkpoints. 0 stands for the preset's value."""

    preset: str = "fast"
    precision: str = "f32"
    epochs: int = 0
    batch_size: int = 0
    lr: float = 0.0
    seed: int = 0
    limit_train: int = 0
    limit_test: int = 0
    deterministic: bool = False

    @property
    def classic(self) -> bool:
        return self.preset == "classic"

    @property
    def label_smoothing(self) -> float:
        return 0.0 if self.classic else 0.1

    def complete(self) -> None:
        """Puts the preset's values where there are none."""
        epochs, batch_size, lr = DEFAULTS[self.preset]
        self.epochs = self.epochs or epochs
        self.batch_size = self.batch_size or batch_size
        self.lr = self.lr or lr

    def text(self) -> dict[str, str]:
        """The recipe as the texts of a checkpoint."""
        return {f.name: as_text(getattr(self, f.name)) for f in dataclasses.fields(self)}


def as_text(value: object) -> str:
    """A value as C++ prints it."""
    if isinstance(value, bool):
        return str(int(value))
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def recipe_of(text: Mapping[str, str], path: str) -> Recipe:
    """The recipe of a checkpoint's texts; weft.ParseError if it is none."""
    values: dict[str, Any] = {}
    for field in dataclasses.fields(Recipe):
        if field.name not in text:
            raise weft.ParseError(
                f'[resume] {path}: got no "{field.name}", expected a checkpoint of this program'
            )
        kind: Any = field.type
        value = text[field.name]
        try:
            values[field.name] = value == "1" if kind is bool else kind(value)
        except ValueError:
            raise weft.ParseError(
                f'[resume] {path}: got {field.name} "{value}", expected a number'
            ) from None
    return Recipe(**values)


def make_model(preset: str) -> nn.models.AlexNet:
    options = nn.models.AlexNetOptions.cifar()
    if preset != "classic":
        options.channels = [48, 96, 192, 192, 192]
        options.hidden = [512]
        options.batch_norm = True
        options.dropout = 0
    model = nn.models.AlexNet(options)
    model.materialize((1, 3, 32, 32))
    return model


def make_optimizer(model: nn.Module, recipe: Recipe) -> optim.SGD:
    if recipe.classic:
        return optim.SGD(model.parameters(), lr=recipe.lr, momentum=0.9, weight_decay=5e-4)
    # Norms and biases do not shrink.
    weights = [p for p in model.parameters() if p.ndim > 1]
    rest = [p for p in model.parameters() if p.ndim <= 1]
    groups: list[dict[str, Any]] = [{"params": weights, "weight_decay": 5e-4}, {"params": rest}]
    return optim.SGD(groups, lr=recipe.lr, momentum=0.9, nesterov=True)


def make_schedule(
    optimizer: optim.Optimizer, recipe: Recipe, steps_per_epoch: int
) -> optim.lr_scheduler.LRScheduler:
    steps = recipe.epochs * steps_per_epoch
    if recipe.classic:
        return optim.lr_scheduler.MultiStepLR(optimizer, [steps // 2, steps * 3 // 4], 0.1)
    return optim.lr_scheduler.OneCycleLR(
        optimizer,
        recipe.lr,
        total_steps=steps,
        pct_start=0.25,
        anneal_strategy="linear",
        cycle_momentum=False,
        div_factor=10,
        final_div_factor=100,
    )


def load_split(path: str | None, train: bool, limit: int) -> tuple[data.ImageDataset, str]:
    """A data set and where it is from: `path`, or the shipped pictures.

    The first `limit` of them unless that is 0; of the shipped ones, which stand class after class,
    the same number of each.
    """
    pictures: data.ImageDataset
    if path:
        pictures, source = datasets.CIFAR10(path, train), path
    else:
        every = TRAIN if train else TEST
        each = min(every, -(-limit // len(CLASSES))) if limit else every
        first = 0 if train else TRAIN
        pictures = data.read_contact_sheets(PICTURES, CLASSES, SIDE, first, each)
        source = (
            "the small set that ships with the example (500 training and 100 test pictures a class)"
        )
    return (pictures.first(limit) if limit and limit < len(pictures) else pictures), source


def for_testing() -> list[data.Transform]:
    return [data.Normalize(MEAN, STD)]


def for_training(recipe: Recipe) -> list[data.Transform]:
    if recipe.classic:
        return for_testing()
    crop = data.RandomCrop(SIDE, 4, padding_mode="reflect")
    return [crop, data.RandomHorizontalFlip(), *for_testing()]


def make_loader(pictures: data.ImageDataset, recipe: Recipe, device: weft.device) -> data.DataLoader:
    return data.DataLoader(
        pictures,
        min(recipe.batch_size, len(pictures)),
        shuffle=True,
        transforms=for_training(recipe),
        drop_last=True,
        seed=recipe.seed,
        device=device,
    )
