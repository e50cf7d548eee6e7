"""Proofs of the figures in docs/explanation/trust.md, by the kernels alone: no JVM starts."""
