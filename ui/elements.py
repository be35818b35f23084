"""What the tabs are made of: Gradio's elements that hold HTML, how their events are shown, and what comes with them."""

from importlib.resources import files
from typing import Any

import gradio as gr

from ui.sent import Sent

EVERY_S = 0.3  # so often is told how far some work is
QUIETLY: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}


def element(value: str, name: str, script: str = "", kind: str = "") -> gr.HTML:
    """HTML with the script that answers its clicks. name: its id, and the script's unless given; kind: its class."""
    return gr.HTML(
        value,
        elem_id=name,
        elem_classes=kind or None,
        js_on_load=asset(script or f"{name}.js"),
        apply_default_css=False,
    )


def in_tab(value: str, name: str) -> gr.HTML:
    """An element of the Library or the Evaluation tab, which share their script."""
    return element(value, name, "tabs.js", "page")


def sent(event: gr.EventData) -> Sent:
    return Sent(event._data if isinstance(event._data, dict) else {})


def asset(name: str) -> str:
    return (files("ui") / name).read_text(encoding="utf-8")
