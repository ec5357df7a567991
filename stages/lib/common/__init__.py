"""What all stages share: parameters, running, results, data sets."""
