"""Tables, figures and the summary, made from metrics files and the published numbers."""
