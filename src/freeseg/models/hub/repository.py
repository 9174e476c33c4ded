"""Models of the Hugging Face hub: what they are, how large they are, and where their files are kept.

The hub's own cache and environment variables are used (HF_HOME, HF_HUB_CACHE, HF_HUB_OFFLINE, HF_ENDPOINT, HF_TOKEN),
so that FreeSeg finds what other programs fetched, and they find what FreeSeg fetched. Only the files that a model needs
are fetched.
"""

from __future__ import annotations

import logging
import re
import shutil
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar

from huggingface_hub import HfApi, ModelInfo, constants, snapshot_download, try_to_load_from_cache
from huggingface_hub.errors import OfflineModeIsEnabled, RevisionNotFoundError
from huggingface_hub.file_download import repo_folder_name
from huggingface_hub.repocard import metadata_load
from huggingface_hub.utils import tqdm  # type: ignore[attr-defined]

from freeseg.bounds import Bounds, check_value
from freeseg.errors import PATH_CHARACTERS, FreeSegError, WeightsError, reason, shortened
from freeseg.files import is_folder, parse_json
from freeseg.models.config import CONFIG
from freeseg.models.hub.blobs import check_blobs, checked_etags
from freeseg.models.hub.explain import HUB, explain
from freeseg.models.hub.known_models import known_models
from freeseg.models.hub.names import is_name, may_be_fetched
from freeseg.models.hub.required_files import PICKLES, required_files

COMMIT = re.compile("[0-9a-f]{40}")


@dataclass(frozen=True)
class ModelFiles:
    """The files of a model, whether or not they have been fetched.

    Attributes:
        name: Its name on the hub, or the folder that it is in.
        files: The files that it needs -> their bytes; no others are fetched.
        folder: Where the files are, or will be kept.
        here: Those of `files` that have been fetched.
        kind: What transformers calls its architecture ("clip", "siglip", ...); "" where nothing says so.
        licence: The licence that its card names; "" where it names none.
        gated: Whether its authors give access on request only.
        revision: The branch, tag or commit that the user named; None for the main branch.
        sha: The commit; "" for a folder of the user's own.
        sha256: Of the large files, as the hub lists them.
    """

    name: str
    files: Mapping[str, int]
    folder: Path
    here: frozenset[str]
    kind: str = ""
    licence: str = ""
    gated: bool = False
    revision: str | None = None
    sha: str = ""
    sha256: Mapping[str, str] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Bytes of all files."""
        return sum(self.files.values())

    @property
    def whole(self) -> bool:
        """Whether all files have been fetched."""
        return self.here >= self.files.keys()

    @property
    def pickled(self) -> bool:
        """Whether the weights are a pickle, of which only tensors are read."""
        return any(name in PICKLES for name in self.files)

    @property
    def missing(self) -> int:
        """Bytes that are still to be fetched."""
        return sum(size for name, size in self.files.items() if name not in self.here)


def resolve(name: str, *, revision: str | None = None) -> Path:
    """The folder of a model: the folder itself, or one in the hub's cache, after what is missing there was fetched.

    The hub is asked for the newest files. Where it cannot be reached, the files in the cache are used. It is asked for
    what the user has named only (`names.name_by_user`). Files that were fetched are checked by their sha256.

    Args:
        name: A folder, or the name of a model on the hub.
        revision: A branch, tag or commit of the hub's model; None for its main branch.

    Raises:
        WeightsError: There is no such model or revision, it is gated, it lacks a file, its weights are in a format that
            could run code, the hub cannot be reached, or the disk is full.
    """
    if not may_be_fetched(name) and not is_folder(name) and is_name(name):
        files = _describe_cached(name, revision)
        if files is None:
            chosen = f" --revision {revision}" if revision else ""
            raise WeightsError(
                f"this needs {name} of {HUB}, which is not in {constants.HF_HUB_CACHE}; as you have not named it "
                f"yourself, it is not fetched: if you trust it, run freeseg fetch {name}{chosen}"
            )
    else:
        files = describe(name, revision=revision)
    if not files.whole:
        return download(files)
    if files.sha:
        check_blobs(files.folder, files.files)
    return files.folder


def describe(name: str, *, revision: str | None = None) -> ModelFiles:
    """What a model consists of. Nothing is fetched but the list of its files.

    Arguments and errors are those of `resolve`.
    """
    if is_folder(name):
        if revision is not None:
            raise WeightsError(
                f"{name} is a folder, which has no revision {shortened(revision)}; leave the revision out"
            )
        return _describe_folder(Path(name))
    if not is_name(name):
        example = known_models()[0].name
        raise WeightsError(
            f"there is no folder {shortened(name, PATH_CHARACTERS)}; give one, or a model of {HUB} as owner/name: "
            f"{example}"
        )
    cached = _describe_cached(name, revision)
    if cached and COMMIT.fullmatch(revision or ""):  # a commit never changes: no need to ask
        return cached
    try:
        timeout = constants.HF_HUB_ETAG_TIMEOUT
        info = HfApi().model_info(name, revision=revision, files_metadata=True, timeout=timeout)
    except Exception as error:  # the network, its layers or an invalid answer raise nearly any kind of error
        explained = explain(error, name, revision)
        if cached is None or isinstance(error, RevisionNotFoundError):
            raise explained from error
        if not isinstance(error, OfflineModeIsEnabled):
            warnings.warn(f"the copy of {name} in the hub's cache is used, because {explained}", stacklevel=2)
        return cached
    try:
        return _describe_hub(info, name, revision)
    except WeightsError:
        raise
    except (AttributeError, FreeSegError, TypeError, ValueError) as error:  # huggingface_hub does not look at types
        raise WeightsError(f"what {HUB} says of {name} makes no sense ({reason(error)}); check HF_ENDPOINT") from error


class _Bar(tqdm):
    """The hub's progress bars, on terminals only."""

    made: ClassVar[list[_Bar]] = []

    def __init__(self, *args: Any, **options: Any):
        super().__init__(*args, **{"disable": None, **options, "leave": False})  # type: ignore[no-untyped-call]
        self.made.append(self)

    @classmethod
    def remove_all(cls) -> None:
        """Close all bars: the hub leaves them open, and the next line of output would be written into them."""
        while cls.made:
            cls.made.pop().close()


@contextmanager
def _silent_hub() -> Iterator[None]:
    """Inside, huggingface_hub warns of nothing: what keeps a model from being fetched is said in one line, by us."""
    log = logging.getLogger("huggingface_hub")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)


def download(files: ModelFiles) -> Path:
    """Fetch the files of a model of the hub. A download that was stopped goes on where it was.

    Returns:
        The folder that they are in.

    Raises:
        WeightsError: The model is gated, the hub cannot be reached, or the disk is full.
    """
    _check_space(files)
    wanted = list(files.files)
    try:
        with checked_etags(), _silent_hub():
            found = snapshot_download(files.name, revision=files.revision, allow_patterns=wanted, tqdm_class=_Bar)
    except WeightsError:
        raise
    except Exception as error:  # from the network as in `describe`, and from the disk
        raise explain(error, files.name, files.revision) from error
    finally:
        _Bar.remove_all()
    folder = Path(found)
    if lost := [name for name in wanted if not (folder / name).is_file()]:
        raise WeightsError(f"{files.name} changed while it was fetched ({', '.join(lost)} is gone); fetch it again")
    check_blobs(folder, wanted, listed=files.sha256)
    return folder


def _describe_folder(folder: Path) -> ModelFiles:
    """The model in a folder, be it the user's own or a snapshot in the hub's cache."""
    try:
        there = [path.name for path in folder.iterdir() if path.is_file()]
        files = {name: (folder / name).stat().st_size for name in required_files(there, str(folder))}
        config = parse_json((folder / CONFIG).read_text(encoding="utf-8"))
    except OSError as error:
        raise WeightsError(f"{folder} cannot be read ({error.strerror}); check your right to read it") from error
    except ValueError as error:
        raise WeightsError(f"{folder / CONFIG} is no JSON ({error}); copy it again") from error
    licence = _licence_of_card(folder / "README.md")
    return ModelFiles(str(folder), files, folder, frozenset(files), _kind(config), licence)


def _describe_hub(info: ModelInfo, name: str, revision: str | None) -> ModelFiles:
    """The model that the hub told of."""
    sizes = {sibling.rfilename: sibling.size or 0 for sibling in info.siblings or ()}
    check_value("the sizes of its files", sizes, dict[str, Annotated[int, Bounds(0)]])
    names = required_files(sizes, name)
    folder = _snapshots(name) / str(info.sha)
    here = [file for file in names if try_to_load_from_cache(name, file, revision=revision) == str(folder / file)]
    return ModelFiles(
        name=name,
        files={file: sizes[file] for file in names},
        folder=folder,
        here=frozenset(here),
        kind=_kind(info.config),
        licence=_licence(vars(info.card_data) if info.card_data else None),
        gated=bool(info.gated),
        revision=revision,
        sha=str(info.sha),
        sha256={each.rfilename: str(each.lfs.sha256) for each in info.siblings or () if each.lfs},
    )


def _describe_cached(name: str, revision: str | None) -> ModelFiles | None:
    """The model in the hub's cache; None where the cache lacks some of its files."""
    config = try_to_load_from_cache(name, CONFIG, revision=revision)
    if not isinstance(config, str):
        return None
    folder = Path(config).parent
    try:
        return replace(_describe_folder(folder), name=name, revision=revision, sha=folder.name)
    except WeightsError:  # a download that was stopped
        return None


def _snapshots(name: str) -> Path:
    return Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=name, repo_type="model") / "snapshots"


def _kind(config: Any) -> str:
    return str(config.get("model_type", "")) if isinstance(config, dict) else ""


def _licence(card: Any) -> str:
    """The licence that a model card's metadata names."""
    if not isinstance(card, dict):
        return ""
    licence = card.get("license") or ""
    if licence == "other":
        licence = card.get("license_name") or licence
    return ", ".join(map(str, licence)) if isinstance(licence, list) else str(licence)


def _licence_of_card(card: Path) -> str:
    try:
        return _licence(metadata_load(card)) if card.is_file() else ""
    except Exception:  # YAML written by hand raises nearly any kind of error, and nothing depends on it
        return ""


def _check_space(files: ModelFiles) -> None:
    place = next(parent for parent in files.folder.absolute().parents if parent.exists())
    free = shutil.disk_usage(place).free
    if free < files.missing:
        raise WeightsError(
            f"{files.name} needs {files.missing / 1e6:,.0f} MB in {constants.HF_HUB_CACHE}, where {free / 1e6:,.0f} MB "
            "are free; make room, or move the cache with HF_HOME"
        )
