"""What the dataset stage is made of."""
