"""Data to text, in the formats of the tools the verbs are named after; pure functions, nothing else."""
