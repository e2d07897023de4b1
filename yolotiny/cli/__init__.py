"""The command line: how it is read, its help, and a function for each command."""
