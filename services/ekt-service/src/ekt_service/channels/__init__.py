"""The ways an EKT can leave the house: how to send, and how to ask what became of it."""
