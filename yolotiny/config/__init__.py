"""What was asked for, checked once: model files, options, data and recipes of a run."""
