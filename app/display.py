"""Is there a screen, and is there everything on this system that Qt needs to use it?

Asked before Qt is imported: what Qt misses on Linux ends the process without a word to catch.
"""

from __future__ import annotations

import ctypes
import os
import sys

# library: package on Debian and Ubuntu, package on Fedora
PACKAGES = {
    "libglib-2.0.so.0": ("libglib2.0-0", "glib2"),
    "libEGL.so.1": ("libegl1", "libglvnd-egl"),
    "libGL.so.1": ("libgl1", "libglvnd-glx"),
    "libfontconfig.so.1": ("libfontconfig1", "fontconfig"),
    "libfreetype.so.6": ("libfreetype6", "freetype"),
    "libdbus-1.so.3": ("libdbus-1-3", "dbus-libs"),
    "libxkbcommon.so.0": ("libxkbcommon0", "libxkbcommon"),
    "libX11.so.6": ("libx11-6", "libX11"),
}
PACKAGES_X11 = {
    "libX11-xcb.so.1": ("libx11-xcb1", "libX11-xcb"),
    "libxkbcommon-x11.so.0": ("libxkbcommon-x11-0", "libxkbcommon-x11"),
    "libxcb-cursor.so.0": ("libxcb-cursor0", "xcb-util-cursor"),
    "libxcb-icccm.so.4": ("libxcb-icccm4", "xcb-util-wm"),
    "libxcb-keysyms.so.1": ("libxcb-keysyms1", "xcb-util-keysyms"),
    "libxcb-image.so.0": ("libxcb-image0", "xcb-util-image"),
    "libxcb-render-util.so.0": ("libxcb-render-util0", "xcb-util-renderutil"),
    "libxcb-shape.so.0": ("libxcb-shape0", "libxcb"),
    "libxcb-randr.so.0": ("libxcb-randr0", "libxcb"),
    "libxcb-xfixes.so.0": ("libxcb-xfixes0", "libxcb"),
    "libxcb-sync.so.1": ("libxcb-sync1", "libxcb"),
    "libxcb-shm.so.0": ("libxcb-shm0", "libxcb"),
    "libxcb-xkb.so.1": ("libxcb-xkb1", "libxcb"),
    "libxcb-glx.so.0": ("libxcb-glx0", "libxcb"),
}


def has_display() -> bool:
    """Whether a window could be seen. A platform that was chosen by name counts as one."""
    if sys.platform != "linux" or os.environ.get("QT_QPA_PLATFORM"):
        return True
    if os.environ.get("WAYLAND_DISPLAY"):
        return True
    return bool(os.environ.get("DISPLAY")) and _x_server_answers()


def missing_libraries(*, for_window: bool) -> str:
    """Empty, or one line that names the libraries Qt would miss and the packages they are in."""
    if sys.platform != "linux":
        return ""
    wanted = dict(PACKAGES)
    if for_window and _uses_x11():
        wanted |= PACKAGES_X11
    missing = [name for name in wanted if not _loads(name)]
    if not missing:
        return ""
    debian = " ".join(dict.fromkeys(wanted[name][0] for name in missing))
    fedora = " ".join(dict.fromkeys(wanted[name][1] for name in missing))
    return (
        f"this system lacks {', '.join(missing)}; install it with: "
        f"sudo apt install {debian} (Debian, Ubuntu) or sudo dnf install {fedora} (Fedora)"
    )


def _uses_x11() -> bool:
    chosen = os.environ.get("QT_QPA_PLATFORM", "")
    if chosen:
        return chosen.startswith("xcb")
    return bool(os.environ.get("DISPLAY")) and not os.environ.get("WAYLAND_DISPLAY")


def _loads(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def _x_server_answers() -> bool:
    """A DISPLAY left over from another login would end Qt, so the server is asked first."""
    try:
        x11 = ctypes.CDLL("libX11.so.6")
    except OSError:
        return True  # `missing_libraries` has more to say about this
    x11.XOpenDisplay.restype = ctypes.c_void_p
    display = x11.XOpenDisplay(None)
    if display is None:
        return False
    x11.XCloseDisplay(ctypes.c_void_p(display))
    return True
