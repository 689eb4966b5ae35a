"""Getting published models: the catalogue, where to get them from, and what is already here.

Never imports torch: the window waits for none of this, and a download must be cheap to start.
"""
