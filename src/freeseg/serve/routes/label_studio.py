"""The calls that Label Studio makes to a machine-learning backend."""

from __future__ import annotations

from fastapi import APIRouter

from freeseg.serve.server import SegmentServer


def router(server: SegmentServer) -> APIRouter:
    """The addresses."""
    return APIRouter(tags=["Label Studio"])
