"""What is edited: page, layers, selection, undo and the edit tree, over QtCore and QtGui alone."""
