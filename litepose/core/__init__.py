"""What every room stands on: skeletons, errors, whole files, cores, processes that work together."""
