"""The window, the documents and the command line. Reaches models through the engine process."""
