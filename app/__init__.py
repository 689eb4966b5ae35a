"""The window, the documents and the command line. Reaches models through the engine process."""

VERSION = "0.1.0"
