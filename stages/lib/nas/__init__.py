"""What the stages that evaluate sub-networks of a supernet share."""
