"""From photos and captions to a teacher in a folder, in one call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from freeseg.data import PhotoSource, open_sources
from freeseg.files import remove_half_written
from freeseg.models import Config, TowerPair, checkpoint, hub, towers
from freeseg.models.devices import require_device
from freeseg.models.iclip import ICLIP, Classifier
from freeseg.models.towers import DEFAULT_IMAGE_TOWER
from freeseg.training import CACHE, features, processes
from freeseg.training.loop import OnStep
from freeseg.training.record import training_record
from freeseg.training.teacher.batches import check_batch
from freeseg.training.teacher.data import open_stores, read_teacher_data
from freeseg.training.teacher.recipe import TeacherRecipe
from freeseg.training.teacher.task import resolve_attention, train_average
from freeseg.training.teacher.words import NOUNS, training_words
from freeseg.words import vocabulary


def run(
    sources: Sequence[str | Path],
    out: str | Path,
    *,
    recipe: TeacherRecipe | None = None,
    image_tower: str = DEFAULT_IMAGE_TOWER,
    text_tower: str = "",
    revision: str = "",
    mode: str = "",
    attention_tower: str = "",
    hidden: int = 0,
    trainings: int = 1,
    name: str = "",
    cache: str | Path = CACHE,
    device: str = "cpu",
    command: str = "freeseg.training.teacher.run",
    on_note: Callable[[str], None] = lambda note: None,
    on_skipped: Callable[[str], None] = lambda reason: None,
    on_photos: features.Progress = lambda done, total: None,
    on_captions: features.Progress = lambda done, total: None,
    on_step: OnStep = lambda step: None,
) -> Config | None:
    """Train a dense ICLIP on photos and captions, and write it to a folder that `freeseg.load` reads.

    Stopped at any moment, the same call resumes and ends at the same model.

    Args:
        sources: Caption folders (`captions.jsonl` and `images/`), webdataset tars, or folders of photos without
            captions.
        out: Folder for the model, and in it one for each training, with its checkpoint.
        recipe: How it is trained; `TeacherRecipe()` if left out.
        image_tower: A frozen image tower: one of `freeseg.models.towers.known_names()`, a folder with a CLIP, SigLIP or
            DINOv2, or the name of one on huggingface.co.
        text_tower: The image tower's own if left out, or `freeseg.models.towers.DEFAULT_TEXT_TOWER` where it has none.
        revision: Branch, tag or commit of the image tower on huggingface.co.
        mode: Dense mode of a CLIP or SigLIP; its family's own if left out.
        attention_tower: A DINOv2, DINO or CLIP whose class token gives the attention of the patches. It needs a recipe
            with attention "class".
        hidden: Hidden width of the image head; 0 for a linear one.
        trainings: How many trainings with consecutive seeds are averaged.
        name: What the model is called; the folder's name if left out.
        cache: Folder for the features of the frozen towers.
        device: Where it is trained: "cpu", "cuda", "mps".
        command: How it was trained, for the record in the model's config.
        on_note: Called with a sentence about what is done.
        on_skipped: Called with the reason for each photo that cannot be read.
        on_photos: Called with (done, total) while the features of photos are computed.
        on_captions: Called with (done, total) while captions are embedded.
        on_step: Called after every step with a `freeseg.training.loop.StepReport`.

    Returns:
        The model's config, with the record of its training and the retrieval of held-out photos; None in all
        processes but the first, where `torchrun` or `accelerate launch` started several.

    Raises:
        DataError: A source cannot be read, or has too few photos with captions.
        WeightsError: A tower is missing, altered, or not of the kind that is asked for.
        OutputError: A folder cannot be written, or the disk is full.
        FreeSegError: There is no such device; `out` holds a training with other settings; or the loss is not finite.

    Example:
        >>> import freeseg
        >>> from freeseg.training import teacher
        >>> from freeseg.training.teacher.recipe import TeacherRecipe
        >>> teacher.run(["captioned"], "my-teacher", recipe=TeacherRecipe(epochs=3))  # doctest: +SKIP
        >>> freeseg.load("my-teacher").segment("cat.jpg", "cat, dog")  # doctest: +SKIP
    """
    out, cache, opened = Path(out), Path(cache), list[PhotoSource]()

    def count_photos() -> int:
        opened.extend(open_sources(sources, without=out))
        return sum(len(source) for source in opened)

    with processes.joined(require_device(device)) as on_device:
        if processes.index():  # one of several processes reports
            on_note = on_skipped = on_photos = on_captions = on_step = processes.ignore
        photos = processes.from_first(count_photos)  # the others need no source
        pair = towers.resolve(image_tower, text=text_tower, mode=mode, revision=revision)
        model = towers.untrained(pair, hidden=hidden).to(on_device)
        recipe = _suited_recipe(recipe or TeacherRecipe(), model, pair, on_note)
        gigabytes = features.expected_bytes(model, photos) / 1e9
        on_note(f"{photos:,} photos; their features take {gigabytes:.2f} GB in {cache}")
        identities = towers.identities(pair)
        frozen = dict(zip(("image tower", "text tower"), identities, strict=True))
        attention = None
        if attention_tower:
            attention, frozen["attention tower"] = _open_attention(attention_tower, cache)
        if processes.index() == 0:
            remove_half_written(out, recursive=True)
        check_batch(photos, recipe)  # before the features, which can take hours
        data = read_teacher_data(
            model,
            opened,
            open_stores(cache, model, identities),
            vocabulary(NOUNS),
            on_device,
            attention=attention,
            on_photos=on_photos,
            on_texts=on_captions,
        )
        for reason in data.skipped:
            on_skipped(reason)
        metrics = train_average(
            model,
            data,
            training_words(model, classes=bool(recipe.distill or recipe.distill_kinds), nouns=bool(recipe.nouns)),
            recipe,
            out,
            trainings=trainings,
            report=on_step,
            towers=frozen,
        )
        if processes.index():  # one of several processes writes
            return None
    record = training_record(
        asdict(recipe) | {"trainings": trainings},
        data.sources,
        command,
        **({"attention": {attention_tower: frozen["attention tower"]}} if attention_tower else {}),
    )
    held_out = {f"held-out text-to-image {key}": round(value, 3) for key, value in metrics.items()}
    config = checkpoint.new_config(
        name or out.resolve().name, pair, model, hidden=hidden, training=record, metrics=held_out
    )
    return checkpoint.save(model, config, out)


def _suited_recipe(
    recipe: TeacherRecipe, model: ICLIP, pair: TowerPair, on_note: Callable[[str], None]
) -> TeacherRecipe:
    """The recipe for an image tower: which attention is meant, and no distillation without a label space."""
    recipe = resolve_attention(recipe, model)
    if isinstance(model.image_tower, Classifier) or not (recipe.distill or recipe.distill_kinds):
        return recipe
    on_note(f"{pair.image} has no label space: trained without vocabulary distillation (--distill 0)")
    return replace(recipe, distill=0.0, distill_kinds=0.0)


def _open_attention(name: str, cache: Path) -> tuple[features.AttentionExtractor, str]:
    """The tower whose class token gives the attention, with its cache; and its sha256."""
    family = towers.family_of(name)
    hub.name_by_user(name)
    sha256 = family.sha256(name)
    return features.open_attention(cache, family.open_attention(name), sha256), sha256
