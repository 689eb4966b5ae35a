"""The window's side of the engine: a child process, watched, and never waited for."""
