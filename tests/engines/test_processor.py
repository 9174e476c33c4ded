"""What is known of a processor."""

from __future__ import annotations

from pathlib import Path

import pytest

from freeseg.engines import processor
from freeseg.engines.processor import default_threads, int8_instructions

X86 = "processor\t: 0\nmodel name\t: some\nflags\t\t: fpu sse2 avx2 {}\nbugs\t\t: none\n\nprocessor\t: 1\n"
ARM = "processor\t: 0\nBogoMIPS\t: 50.00\nFeatures\t: fp asimd {}\nCPU part\t: 0xd0c\n"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (X86.format("avx512_vnni avx512_bf16"), "avx512_vnni"),
        (X86.format("avx_vnni"), "avx_vnni"),
        (X86.format("amx_int8"), "amx_int8"),
        (X86.format("avx512f"), ""),
        (ARM.format("asimddp"), "asimddp"),
        (ARM.format("crc32"), ""),
    ],
)
def test_linux_lists_instructions(tmp_path: Path, text: str, name: str) -> None:
    (tmp_path / "cpuinfo").write_text(text)
    assert int8_instructions(tmp_path / "cpuinfo") == name


class TestElsewhere:
    """Where there is no list."""

    @pytest.mark.parametrize(
        ("system", "machine", "features", "name"),
        [
            ("darwin", "arm64", {}, "dot products"),
            ("darwin", "x86_64", {"AVX2": True}, None),
            ("win32", "AMD64", {"AVX512VNNI": True}, "AVX512VNNI"),
            ("win32", "AMD64", {"AVX512VNNI": False}, None),
            ("win32", "ARM64", {"ASIMDDP": True}, "ASIMDDP"),
        ],
    )
    def test_by_system_and_numpy(
        self,
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
        system: str,
        machine: str,
        features: dict[str, bool],
        name: str | None,
    ) -> None:
        monkeypatch.setattr(processor.sys, "platform", system)
        monkeypatch.setattr(processor.platform, "machine", lambda: machine)
        monkeypatch.setattr(processor, "_numpy_features", lambda: features)
        assert int8_instructions(tmp_path / "none") == name

    def test_numpy_knows_this_one(self) -> None:
        assert any(processor._numpy_features().values())


@pytest.mark.parametrize(("asked", "threads"), [("", 3), ("2", 2), ("8", 3), ("0", 3), ("many", 3)])
def test_threads(monkeypatch: pytest.MonkeyPatch, asked: str, threads: int) -> None:
    monkeypatch.setattr(processor, "available_cores", lambda: 3)
    monkeypatch.setenv("OMP_NUM_THREADS", asked)
    assert default_threads() == threads
