"""The parts of `benchmarks/draw.py`: a module a picture, and how all of them look."""
