"""Commands run by hand or by make."""
