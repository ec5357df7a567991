"""What a run will cost: the stages' own trainings, of which a step and a test are timed on a few pictures."""
