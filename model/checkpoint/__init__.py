"""Model folders in the published layout: checked, read and written. Nothing is ever unpickled."""
