"""The window, the documents and the command line. Talks to models through requests and the engine process only."""
