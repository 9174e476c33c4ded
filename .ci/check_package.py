"""Check what `make package` has built: what is in the wheel and the sdist, their sizes, and the links of the README.

python .ci/check_package.py out/package
"""

from __future__ import annotations

import re
import sys
import tarfile
from pathlib import Path
from zipfile import ZipFile

ROOT = Path(__file__).parent.parent
MOST_MEGABYTES = 60  # of the wheel; people without much disk or bandwidth are who FreeSeg is for
MADE_FOR = {"py.typed", "LICENSE", "NOTICE"}  # beside the code and the data
ELSEWHERE = ("http://", "https://", "mailto:", "#")
LINK = re.compile(r"\]\(([^)\s]+)")


def own_files() -> set[str]:
    """The files of the package as they lie in src, those aside that Python writes itself."""
    paths = (path for path in (ROOT / "src").rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(ROOT / "src").as_posix() for path in paths}


def faults(folder: Path) -> list[str]:
    """What is wrong with the one wheel and the one sdist of a folder."""
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    found = []
    with ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        description = archive.read(metadata).decode("utf-8").partition("\n\n")[2]
    found += [f"the wheel lacks {name}" for name in sorted(own_files() - names)]
    found += [f"the wheel lacks {name}" for name in MADE_FOR if not any(Path(each).name == name for each in names)]
    found += [f"the wheel has {name}" for name in sorted(names - own_files()) if ".dist-info/" not in name]
    found += [
        f"a link of the README leads nowhere: {to}" for to in LINK.findall(description) if not to.startswith(ELSEWHERE)
    ]
    with tarfile.open(sdist) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    found += [f"the sdist lacks src/{name}" for name in sorted(own_files()) if f"src/{name}" not in inside]
    for path in (wheel, sdist):
        megabytes = path.stat().st_size / 1e6
        print(f"{path.name}: {megabytes:.1f} MB")
        if megabytes > MOST_MEGABYTES:
            found.append(f"{path.name} has {megabytes:.1f} MB, more than {MOST_MEGABYTES}")
    return found


if __name__ == "__main__":
    sys.exit("\n".join(faults(Path(sys.argv[1]))) or None)
