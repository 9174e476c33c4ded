"""Why a model of the Hugging Face hub cannot be fetched, and what to do: one line for each of its errors."""

from __future__ import annotations

from urllib.parse import urlsplit

from huggingface_hub import constants
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from freeseg.errors import WeightsError, one_line, shortened

HUB = "huggingface.co"  # its public name, wherever HF_ENDPOINT points
REASON_CHARACTERS = 160


def explain(error: BaseException, name: str, revision: str | None) -> WeightsError:
    """The error to raise for one that huggingface_hub raised over a model: its cause and the fix, in one line."""
    if isinstance(error, LocalEntryNotFoundError) and error.__cause__:
        error = error.__cause__
    page, store = f"https://{HUB}/{name}", constants.HF_HUB_CACHE
    match error:
        case GatedRepoError():
            text = f"{name} is gated: ask for access at {page}, log in with `hf auth login`, and try again"
        case RevisionNotFoundError():
            text = f"{name} has no revision {shortened(revision)}; see {page}/commits, or leave the revision out"
        case RepositoryNotFoundError():
            text = (
                f"there is no folder {name}, and no model of that name on {HUB}; check it at https://{HUB}/models, "
                "or log in with `hf auth login` if it is private"
            )
        case OfflineModeIsEnabled():
            text = (
                f"there is no folder {name}, it is not in {store}, and HF_HUB_OFFLINE forbids the network; "
                f"unset it, or {_by_hand(name)}"
            )
        case HfHubHTTPError() if error.response.status_code == 401:
            text = f"{HUB} refuses your access token; log in again with `hf auth login`, or unset HF_TOKEN"
        case HfHubHTTPError():
            text = f"{HUB} answers HTTP {error.response.status_code} for {name}; try later, or {_by_hand(name)}"
        case OSError() if error.errno:
            text = f"{name} cannot be kept in {store} ({error.strerror}); make room, or move the cache with HF_HOME"
        case _:
            text = (
                f"there is no folder {name}, and it cannot be fetched from {HUB} ({network_reason(error)}); "
                f"try again with a network, or {_by_hand(name)}"
            )
    return WeightsError(text)


def _by_hand(name: str) -> str:
    return (
        f"on a machine with a network run `git clone https://{HUB}/{name}` (it needs git-lfs) or save the files of "
        f"https://{HUB}/{name}/tree/main in a folder, copy that here, and give it: --model ./{name.partition('/')[2]}"
    )


def network_reason(error: BaseException) -> str:
    """An error of the network on one line, without the address that HF_ENDPOINT may hold."""
    text = one_line(error) or type(error).__name__
    if host := urlsplit(constants.ENDPOINT).netloc:
        text = text.replace(constants.ENDPOINT, f"https://{HUB}").replace(host, HUB)
    return text if len(text) <= REASON_CHARACTERS else text[:REASON_CHARACTERS] + "..."
