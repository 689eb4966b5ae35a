"""What the user or a file can get wrong in a document.

DocumentError(ValueError)
    LayerLocked      a change of a layer that is locked, or that lies in a locked group
    UnknownLayer     a layer that the document does not hold (any more)
    UnknownNode      a node that the edit tree does not hold
    CannotPrune      a step of the history that the page or a pin needs
    PictureDamaged   a node whose pixels cannot be read any more
    TextTooLong      more words than a text layer holds
    BadPage          a page of impossible size
"""

from __future__ import annotations


class DocumentError(ValueError):
    """A change that the document refuses; it stays as it was."""


class LayerLocked(DocumentError):
    pass


class UnknownLayer(DocumentError):
    pass


class UnknownNode(DocumentError):
    pass


class CannotPrune(DocumentError):
    pass


class PictureDamaged(DocumentError):
    pass


class TextTooLong(DocumentError):
    pass


class BadPage(DocumentError):
    pass
