"""What readers give back: whether an issue helped them, and their comments."""
