"""The project file: states, results and jobs on disk before anyone relies on them."""
