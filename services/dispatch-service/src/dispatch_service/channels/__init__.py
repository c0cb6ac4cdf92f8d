"""The ways out of the house: each knows how to send and how to ask, nothing else."""
