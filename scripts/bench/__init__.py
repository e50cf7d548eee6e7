"""The parts of scripts/benchmark.py: the peers, each a program of its own, and the measuring."""
