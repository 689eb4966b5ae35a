"""The rows of the layer menu: names, keys and conditions."""

from __future__ import annotations

from app.action_spec import ActionSpec, Situation, row
from app.i18n import mark, translate


def _movable(now: Situation) -> bool:
    return now.has_layer and not now.is_locked


def _masked(now: Situation) -> bool:
    return _movable(now) and now.has_mask


def layer_rows() -> tuple[ActionSpec, ...]:
    return (
        row("layer_new", "layer", mark("Actions", "&New Layer"), "Ctrl+Shift+N", icon="plus"),
        row(
            "layer_text", "layer", mark("Actions", "New &Text Layer"), "Ctrl+Shift+T", icon="text-t"
        ),
        row(
            "layer_duplicate",
            "layer",
            mark("Actions", "&Duplicate"),
            "Ctrl+J",
            icon="copy-simple",
            separated=True,
            when=lambda now: now.has_layer,
        ),
        row(
            "layer_group",
            "layer",
            mark("Actions", "&Group"),
            "Ctrl+G",
            icon="folder-simple-plus",
            when=lambda now: now.has_layer,
        ),
        row(
            "layer_ungroup",
            "layer",
            mark("Actions", "&Ungroup"),
            "Ctrl+Shift+G",
            when=lambda now: now.has_group,
        ),
        row(
            "layer_show",
            "layer",
            mark("Actions", "Sho&w or Hide"),
            icon="eye",
            when=lambda now: now.has_layer,
        ),
        row(
            "layer_lock",
            "layer",
            mark("Actions", "Lo&ck or Unlock"),
            icon="lock-simple",
            when=lambda now: now.has_layer,
        ),
        row(
            "layer_delete",
            "layer",
            mark("Actions", "De&lete"),
            "Delete",
            icon="trash-simple",
            when=_movable,
        ),
        row(
            "layer_rename",
            "layer",
            mark("Actions", "&Rename…"),
            "F2",
            when=lambda now: now.has_layer,
        ),
        row(
            "layer_up",
            "layer",
            mark("Actions", "Move U&p"),
            "Ctrl+]",
            icon="arrow-up",
            separated=True,
            when=_movable,
        ),
        row(
            "layer_down",
            "layer",
            mark("Actions", "Move Do&wn"),
            "Ctrl+[",
            icon="arrow-down",
            when=_movable,
        ),
        row("layer_next", "layer", mark("Actions", "Select Layer &Above"), "Alt+]"),
        row("layer_previous", "layer", mark("Actions", "Select Layer &Below"), "Alt+["),
        row(
            "split",
            "layer",
            mark("Actions", "Spl&it into Layers…"),
            icon="stack",
            separated=True,
            when=lambda now: now.has_picture,
            why=lambda now: translate("Actions", "There is no picture on the page yet."),
        ),
        row(
            "mask_add",
            "layer",
            mark("Actions", "Add &Mask"),
            "Ctrl+Shift+M",
            icon="circle-half",
            separated=True,
            when=lambda now: _movable(now) and not now.has_mask,
        ),
        row(
            "mask_reveal",
            "layer",
            mark("Actions", "Add Mask that S&hows All"),
            when=lambda now: _movable(now) and not now.has_mask and now.has_selection,
        ),
        row(
            "mask_paint",
            "layer",
            mark("Actions", "Paint on Mas&k"),
            "Ctrl+\\",
            when=lambda now: now.has_mask,
            checkable=True,
        ),
        row(
            "mask_alone",
            "layer",
            mark("Actions", "Show Mask Al&one"),
            "Alt+\\",
            when=lambda now: now.has_mask,
            checkable=True,
        ),
        row("mask_toggle", "layer", mark("Actions", "M&ask On or Off"), when=_masked),
        row(
            "mask_apply",
            "layer",
            mark("Actions", "Appl&y Mask"),
            when=lambda now: _movable(now) and now.can_apply_mask,
        ),
        row("mask_remove", "layer", mark("Actions", "Remo&ve Mask"), when=_masked),
        row(
            "layer_reference",
            "layer",
            mark("Actions", "Add to Pr&ompt as Picture"),
            when=lambda now: now.is_pixels,
            separated=True,
        ),
        row(
            "layer_as_map",
            "layer",
            mark("Actions", "&Use as Mask or Selection…"),
            when=lambda now: now.is_pixels,
        ),
    )
