"""Former import paths that the documentation has shown."""
