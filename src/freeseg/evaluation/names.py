"""The names of the settings and protocols of an evaluation. To import this needs nothing else."""

from __future__ import annotations

from typing import Literal, get_args

SettingName = Literal["freeseg", "plain", "aliases", "refined", "typed"]
ProtocolName = Literal["freeseg", "sclip", "tcl", "clearclip"]  # the tables of protocols.toml

SETTINGS: tuple[SettingName, ...] = get_args(SettingName)
PROTOCOLS: tuple[ProtocolName, ...] = get_args(ProtocolName)
