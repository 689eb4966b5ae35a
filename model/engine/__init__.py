"""The child process that runs models for the window, and the language the two speak."""
