"""Trying a file: uploads, their mapping, curves over k, and the job as a process."""
