"""The street between the rooms: one module for each thing that touches more than one of them."""
