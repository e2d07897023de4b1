"""The parts of `benchmarks/frontier.py`: what is trained, how it is measured, and the page."""
