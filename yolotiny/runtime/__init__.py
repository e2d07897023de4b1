"""A detector from an exported file."""
