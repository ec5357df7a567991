"""What the stages that test networks share."""
